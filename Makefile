# Every target works on a machine that has Python >= 3.11 and make: it creates .venv and installs what it needs.
# A stamp file per extra remembers the installation; editing pyproject.toml renews it.

PYTHON  ?= python3
WORKERS ?= 2
CUDA    ?= 12
VENV    := .venv
BIN     := $(VENV)/bin
PY      := $(BIN)/python
PIP     := $(PY) -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help run test test-all lint docs bench peers papers sanitize gpu mpi conformance coverage-report clean

help:
	@echo "make run       derivatives of a real loss on real data: the main job"
	@echo "make test      the test suite"
	@echo "make test-all  the test suite with slow tests and a longer random search"
	@echo "make lint      ruff, mypy, public docstrings"
	@echo "make docs      HTML documentation, with its examples run"
	@echo "make coverage-report  the functions of NumPy and SciPy that hoad knows, and why not the others"
	@echo "make bench     asv benchmarks, one quick pass"
	@echo "make peers     hoad beside jax, torch, autograd, tensortrax and xpektra"
	@echo "make papers    every reproduced paper against its published numbers"
	@echo "make sanitize  compiled programs under AddressSanitizer and UBSan (PROGRAMS=200; needs gcc's libasan)"
	@echo "make gpu       tests on a CUDA device (CUDA=12 or CUDA=13)"
	@echo "make mpi       cells spread over 2 and 4 processes (needs mpirun and FFTW)"
	@echo "make conformance ARRAY_API_TESTS=<checkout>   the public array-api-tests suite on hoad.numpy"
	@echo "make clean     remove .venv, caches and everything built"

run: $(VENV)/.installed-examples
	$(PY) docs/examples/hessian_of_real_data.py

# Each worker gets one BLAS thread; more would only make the workers wait for each other.
test test-all gpu: export OPENBLAS_NUM_THREADS ?= 1
test test-all gpu: export OMP_NUM_THREADS ?= 1
test test-all gpu: export MPLBACKEND ?= Agg

test: $(VENV)/.installed-test
	$(PY) -m pytest -n $(WORKERS) -q

test-all: $(VENV)/.installed-test
	$(PY) -m pytest -n $(WORKERS) -q --runslow --hypothesis-profile=thorough

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PY) docs/check_public_api.py

docs: $(VENV)/.installed-docs
	$(PY) -m sphinx --quiet --fail-on-warning --keep-going -b html docs docs/_build/html
	$(PY) -m sphinx --quiet --fail-on-warning --keep-going -b doctest docs docs/_build/doctest
	@echo "docs/_build/html/index.html"

coverage-report: $(VENV)/.installed-test
	$(PY) docs/coverage_report.py

bench: $(VENV)/.installed-bench
	$(BIN)/asv machine --yes
	$(BIN)/asv run --quick --show-stderr --environment existing:$(PY)

# PyPI's torch for Linux brings several GB of CUDA libraries, which no row needs. Where a CPU build is at hand, name it and it
# goes in first: make peers TORCH=torch-2.9.0+cpu-cp311-cp311-linux_x86_64.whl; or point pip's own PIP_EXTRA_INDEX_URL at the
# index of CPU builds that PyTorch's installation page gives.
TORCH ?= torch

peers: $(VENV)/.installed-peers
	$(PY) -m benchmarks.peers
	$(PY) -m benchmarks.cells
	$(PY) -m benchmarks.compiled

$(VENV)/.installed-peers: pyproject.toml $(VENV)/.created
	$(PIP) install $(TORCH)
	$(PIP) install --editable '.[peers]'
	@touch $@

papers: $(VENV)/.installed-examples
	$(PY) -m papers

PROGRAMS ?= 200

sanitize: $(VENV)/.installed-test
	$(PY) -m tests.compiler.sanitize --programs $(PROGRAMS)

gpu: $(VENV)/.installed-test $(VENV)/.installed-cuda$(CUDA)
	$(PY) -m pytest -q -m gpu

# mpi4py-fft is compiled against the MPI and FFTW of the system: on Debian, apt install libopenmpi-dev openmpi-bin libfftw3-dev.
MPIRUN ?= mpirun --oversubscribe

mpi: export OMP_NUM_THREADS ?= 1
mpi: export HOAD_NUM_THREADS ?= 1
mpi: $(VENV)/.installed-mpi
	for n in 2 4; do for d in slab pencil; do \
	    $(MPIRUN) -n $$n $(PY) tests/mpi/spread_cell.py --decomposition $$d || exit 1; done; done

# The suite is a checkout of github.com/data-apis/array-api-tests with its submodule; it runs on plain and on traced arrays.
EXAMPLES ?= 20

conformance: $(VENV)/.installed-conformance
	@test -d "$(ARRAY_API_TESTS)/array_api_tests" || { echo "name a checkout: make conformance ARRAY_API_TESTS=<folder>"; exit 1; }
	for module in hoad.numpy tests.conformance.traced; do \
	    (cd "$(ARRAY_API_TESTS)" && PYTHONPATH=$(CURDIR) ARRAY_API_TESTS_MODULE=$$module $(CURDIR)/$(PY) -m pytest -q \
	        --disable-deadline --max-examples $(EXAMPLES) --rootdir . --skips-file=$(CURDIR)/tests/conformance/skips.txt array_api_tests) || exit 1; done

clean:
	rm -rf $(VENV) build dist *.egg-info docs/_build docs/generated .asv
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit("hoad needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] \
	    + "; name another with: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade "pip>=23.1"
	@touch $@

$(VENV)/.installed-%: pyproject.toml $(VENV)/.created
	$(PIP) install --editable '.[$*]'
	@touch $@
