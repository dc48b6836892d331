"""Checkpoints: a run that is killed goes on as if it had not been; files of something else are refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.atomic import write_atomically
from hoad.errors import CellError, LoadError, MaterialError, MechanicsError
from hoad.mechanics.io.archive import read_arrays, write_arrays
from hoad.mechanics.io.checkpoint import fingerprint
from hoad.mechanics.materials.j2_plasticity import J2Plasticity

RUN = """
import sys, time
import numpy as np
from tests.mechanics.test_checkpoint import path_problem
from hoad import mechanics as me

def report(solution):
    print(len(solution.steps), flush=True)
    if len(solution.steps) == 6:
        time.sleep(600)

me.solve(*path_problem(sys.argv[1]), checkpoint=sys.argv[2], callback=report)
"""


def path_problem(kind):
    image = np.random.default_rng(4).integers(0, 2, (9, 8))
    t = np.linspace(0, 1, 9)[1:, None, None]
    if kind == "elastic":
        phases = {0: me.NeoHooke(mu=1.0, lmbda=1.5), 1: me.NeoHooke(mu=5.0, lmbda=2.0)}
        return me.Cell(image), phases, me.strain_path(np.eye(2) + t * np.array([[0.2, 0.1], [0.0, -0.1]]))
    law = J2Plasticity(K=2.0, mu=1.0, sigma_y=0.01, H=0.05)
    load = me.mixed_path(t * np.array([[0.04, 0.01], [0.01, np.nan]]))
    return me.Cell(image), {0: law, 1: me.LinearElastic(mu=3.0, lmbda=2.0)}, load


@pytest.mark.parametrize(("kind", "suffix"), [("elastic", ".npz"), ("plastic", ".h5"), ("plastic", ".npz")])
def test_killed_run_goes_on_as_if_it_had_not_been(kind, suffix, tmp_path):
    if suffix == ".h5":
        pytest.importorskip("h5py")
    path = tmp_path / f"run{suffix}"
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": root, "HOAD_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RUN, kind, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=root) as process:
        for line in process.stdout:
            if int(line) == 3:
                process.send_signal(signal.SIGKILL)
                break
    assert process.wait() == -signal.SIGKILL
    done = len(read_arrays(path)[1]["steps"])
    assert 3 <= done <= 6
    called = []
    sol = me.solve(*path_problem(kind), checkpoint=path, callback=lambda s: called.append(len(s.steps)))
    assert called == list(range(done + 1, 9))
    whole = me.solve(*path_problem(kind))
    for name in ("time", "strain", "stress", "energy", "strain_field", "stress_field", "displacement"):
        assert np.allclose(getattr(sol, name), getattr(whole, name), rtol=1e-12, atol=1e-15), name
    assert np.array_equal(sol.iterations, whole.iterations)
    assert sol.variables.keys() == whole.variables.keys()
    for name, value in whole.variables.items():
        assert np.allclose(sol.variables[name], value, rtol=1e-12, atol=1e-15, equal_nan=True)


def test_finished_run_is_read_back_and_may_be_extended(tmp_path):
    cell, phases, load = path_problem("plastic")
    path = tmp_path / "run.npz"
    half = me.LoadPath(load.steps[:4])
    first = me.solve(cell, phases, half, checkpoint=path)
    again = me.solve(cell, phases, half, checkpoint=path, callback=lambda s: pytest.fail("nothing was left to do"))
    assert again.converged
    assert np.array_equal(again.stress, first.stress)
    assert [s.iterations for s in again.steps] == [s.iterations for s in first.steps]
    assert np.array_equal(again.previous.variables[0]["accumulated"], first.previous.variables[0]["accumulated"])
    assert np.array_equal(again.control.strain, first.control.strain)
    whole = me.solve(cell, phases, load, checkpoint=path)
    assert np.allclose(whole.stress, me.solve(cell, phases, load).stress, rtol=1e-12, atol=1e-15)


def test_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    cell, phases, load = path_problem("elastic")
    load = me.LoadPath(load.steps[:2])
    me.solve(cell, phases, load, checkpoint=path)
    kept = path.read_bytes()
    image = cell.image.copy()
    image[0, 0] = 1 - image[0, 0]
    for changed in (me.Cell(image), me.Cell(cell.image, (1.0, 2.0)), me.Cell(cell.image, scheme="fourier")):
        with pytest.raises(CellError, match="another cell"):
            me.solve(changed, phases, load, checkpoint=path)
    with pytest.raises(MaterialError, match="phase 1"):
        me.solve(cell, phases | {1: me.NeoHooke(mu=5.0, lmbda=2.1)}, load, checkpoint=path)
    with pytest.raises(LoadError, match="step 1"):
        me.solve(cell, phases, me.strain_path([load.steps[0].strain, 1.5 * np.eye(2)]), checkpoint=path)
    with pytest.raises(LoadError, match="step 1"):
        me.solve(cell, phases, me.LoadPath(load.steps[:1]), checkpoint=path)
    assert path.read_bytes() == kept
    path.write_bytes(kept[: len(kept) // 2])
    with pytest.raises(MechanicsError, match="cannot be read"):
        me.solve(cell, phases, load, checkpoint=path)
    path.write_bytes(kept)
    arrays, metadata = read_arrays(path)
    del metadata["states"]["state"]["dict"]["stress"]
    for other in (metadata, {"other": 1}):
        write_arrays(path, arrays, other)
        with pytest.raises(MechanicsError, match="not a checkpoint"):
            me.solve(cell, phases, load, checkpoint=path)
    with pytest.raises(MechanicsError, match=r"\.npz, \.h5"):
        me.solve(cell, phases, load, checkpoint=tmp_path / "run.dat")


def test_file_is_old_or_new_whatever_happens(tmp_path):
    path = tmp_path / "a.npz"
    write_atomically(path, lambda stream: stream.write(b"old"))

    def fail(stream):
        stream.write(b"new")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with path.open("rb") as reader:  # who has the old file open keeps it
        write_atomically(path, lambda stream: stream.write(b"newer"))
        assert (reader.read(), path.read_bytes()) == (b"old", b"newer")
    code = (
        "import os, signal, sys\nfrom hoad.atomic import write_atomically\n"
        "write_atomically(sys.argv[1], lambda s: (s.write(b'new'), s.flush(), os.kill(os.getpid(), signal.SIGKILL)))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"newer"


def test_fingerprints_tell_contents_apart():
    def power(k):
        return lambda x: x**k

    things = [1.0, 2.0, True, "1", None, [1.0, 2.0], [[1.0], 2.0], {"a": 1.0}, {"b": 1.0}, np.zeros(3), np.zeros(4)]
    things += [np.zeros((3, 1)), np.zeros(3, np.float32), power(2), power(3), lambda x: x + 1]
    things += [me.NeoHooke(1.0, 2.0), me.NeoHooke(2.0, 1.0)]
    assert len({fingerprint(t) for t in things}) == len(things)
    assert fingerprint(power(2)) == fingerprint(power(2))
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
