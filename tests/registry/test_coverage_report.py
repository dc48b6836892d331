"""Every public function of NumPy and SciPy is covered, has nothing to differentiate, or is missing for a reason that is given."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "coverage_report.py"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the documentation is not part of this distribution")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("coverage_report", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["coverage_report"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["coverage_report"]


MODULES = (
    "numpy", "numpy.linalg", "numpy.fft", "numpy.polynomial.polynomial", "numpy.polynomial.chebyshev", "numpy.polynomial.legendre",
    "numpy.polynomial.hermite", "numpy.polynomial.hermite_e", "numpy.polynomial.laguerre", "scipy.special", "scipy.linalg",
    "scipy.fft", "scipy.signal", "scipy.stats", "scipy.ndimage", "scipy.interpolate", "scipy.integrate", "scipy.optimize",
    "scipy.sparse", "scipy.sparse.linalg",
)  # fmt: skip


def test_the_modules_are_those_of_the_report(script):
    assert script.MODULES == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_every_function_is_covered_or_has_a_reason(script, name):
    report = script.report(name)
    assert not report.unexplained, f"give rules to these, or name them in docs/coverage_reasons.toml: {report.unexplained}"
    assert not report.stale, f"covered now, so docs/coverage_reasons.toml need not name them: {report.stale}"
    assert report.covered


def test_a_new_function_is_noticed(script, monkeypatch, capsys):
    import numpy as np

    monkeypatch.setattr(np, "brand_new", lambda x: x, raising=False)
    monkeypatch.setattr(np, "__all__", [*np.__all__, "brand_new"])
    assert script.report("numpy").unexplained == ["brand_new"]
    assert script.main(["numpy"]) == 1
    assert "no reason given: brand_new" in capsys.readouterr().out


def test_a_reason_for_a_covered_function_is_noticed(script, monkeypatch, tmp_path):
    text = script.REASONS.read_text(encoding="utf-8").replace('"asmatrix", "bmat"', '"asmatrix", "bmat", "sin"')
    (tmp_path / "reasons.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(script, "REASONS", tmp_path / "reasons.toml")
    assert script.report("numpy").stale == ["sin"]


def test_the_report_counts_and_lists(script, capsys):
    assert script.main(["numpy", "numpy.fft", "--verbose"]) == 0
    text = capsys.readouterr().out
    assert "  covered: abs, absolute, acos" in text
    assert "without derivative: dates" in text
    assert script.main(["numpy", "--markdown"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("# Coverage of NumPy and SciPy")
    assert "| `numpy` | " in page
    assert "- integers and indices: `diag_indices`" in page
