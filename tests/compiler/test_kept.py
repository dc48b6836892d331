"""Programs that are kept for later processes: found again, equal, and never another one's."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import threading

import numpy as np
import pytest

import hoad
from hoad.compiler import kept, settings
from hoad.compiler.calls.stub import stub
from hoad.compiler.toolchain import cache
from hoad.core.primitive import Primitive
from tests.compiler.toolchain_tools import content, forget, needs_compiler, posix, python

pytestmark = [needs_compiler, posix]
X = np.linspace(0.2, 0.9, 40)
TABLE = np.linspace(-1.0, 1.0, 40)


@pytest.fixture(autouse=True)
def own_folder(monkeypatch, tmp_path):
    stub()  # no thread brings it into the new folder later
    forget(monkeypatch, tmp_path / "cache")
    monkeypatch.setattr(settings, "KEEPS", True)
    return tmp_path / "cache"


def wait():
    for thread in threading.enumerate():
        if thread.name == "hoad keeps a Program":
            thread.join()


def written(folder):
    wait()
    return list(folder.rglob("*.kept"))


def recurrence(x):
    return np.sum(hoad.scan(lambda c, a: (np.sin(c) * a + x, np.sum(c)), x, np.linspace(0.1, 1, 9))[1])


def branches(x):
    y = x * TABLE
    if x[0] > 0.5:
        return np.sum(np.exp(y)), y
    return np.sum(y * y), y[::-1]


FUNCTIONS = {
    "product": lambda x: hoad.hvp(lambda x: np.sum(np.sin(x) * x[::-1] ** 2), x, TABLE),
    "gathers": lambda x: x[np.argsort(TABLE)[::2]] + np.linalg.norm(x),
    "loop": hoad.grad(recurrence),
    "lanes": hoad.vmap(hoad.grad(lambda x: recurrence(x) * 2)),
    "branches": branches,
    "several": lambda x: {"a": (x > 0.5, np.float32(2) * x.astype(np.float32)), "b": [np.outer(x, x) @ TABLE, 3.0]},
    "matrices": lambda x: np.linalg.solve(np.outer(x[:3], x[:3]) + np.eye(3), x[:3]),
    "products": lambda x: np.outer(x, TABLE) @ np.outer(TABLE, x + 1),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_later_process_finds_it(name, own_folder, monkeypatch):
    f = FUNCTIONS[name]
    x = np.stack([X + k / 50 for k in range(17)]) if name == "lanes" else X
    first = hoad.compile(f)
    expected = [first(y) for y in (x, x + 0.3)]
    assert len(written(own_folder)) == sum(map(len, first.programs.values())), "one for each path"

    def forbidden(*_):
        raise AssertionError("made again")

    monkeypatch.setattr(settings, "optimised", forbidden)
    later = hoad.compile(f)
    for y, e in zip((x, x + 0.3, x), [*expected, expected[0]], strict=True):
        found = hoad.core.space.flatten(later(y))[0]
        for a, b in zip(found, hoad.core.space.flatten(e)[0], strict=True):
            np.testing.assert_array_equal(a, b)
            assert np.asarray(a).dtype == np.asarray(b).dtype
    assert str(later.program) == str(first.program)
    assert later.source == first.source
    assert later.cost == first.cost
    assert later.explain().splitlines()[2:] == first.explain().splitlines()[2:]


def steps_of(f, *args):
    g = hoad.compile(f, backend="numpy")
    g(*args)
    return g.program.recorded.steps


def test_names_tell_constants_shapes_and_dtypes_apart():
    def times(c):
        return steps_of(lambda x: x * c, X)

    table, other = TABLE.copy(), TABLE.copy()
    other[7] = np.nextafter(other[7], 2)
    zeros = [np.array([z, 1.0]) for z in (0.0, -0.0)]
    steps = [
        times(table), times(other), times(table.astype(np.float32)), times(2.0), times(np.float64(2.0)), times(2),
        steps_of(lambda x: x * table[:, None], X), steps_of(lambda x: x * table, X[:1]), steps_of(lambda x: x + table, X),
        *[steps_of(lambda x, z=z: x * z, X[:1]) for z in zeros],
    ]  # fmt: skip
    keys = [kept.key_of(s) for s in steps]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert kept.key_of(times(TABLE.copy())) == keys[0]


CODE = """
import numpy as np, hoad
from hoad.compiler import kept
g = hoad.compile(lambda x: hoad.hvp(lambda x: np.sum(np.sin(x) * x[[2, 0, 1]] ** 2), x, np.array([1.0, 2.0, 3.0])), backend="numpy")
g(np.array([0.1, 0.2, 0.3]))
print(kept.key_of(g.program.recorded.steps))
"""


def test_names_are_the_same_in_every_process(own_folder):
    processes = [python(CODE, own_folder, PYTHONHASHSEED=seed) for seed in ("0", "77")]
    (one, error), (other, _) = [each.communicate(timeout=120) for each in processes]
    assert not error
    assert one == other
    assert len(one.strip()) == cache.KEY


def test_another_version_has_other_names(monkeypatch):
    steps = steps_of(lambda x: x * 2, X)
    before = kept.key_of(steps)
    monkeypatch.setattr(kept, "version", lambda: "another")
    assert kept.key_of(steps) != before


@pytest.mark.parametrize("damage", ["cut", "other", "garbage", "hostile"])
def test_damaged_entries_are_made_again(damage, own_folder):
    f = FUNCTIONS["product"]
    expected = hoad.compile(f)(X)
    (path,) = written(own_folder)
    stored = path.read_bytes()
    if damage == "cut":
        path.write_bytes(stored[: len(stored) // 2])
    else:
        new = {"other": pickle.dumps({"a": 1}), "garbage": b"garbage", "hostile": pickle.dumps(_Raises())}[damage]
        path.unlink()
        path = path.with_name(f"{path.name[: cache.KEY]}-{hashlib.sha256(new).hexdigest()}.kept")
        path.write_bytes(new)
        path.chmod(0o600)
    np.testing.assert_array_equal(hoad.compile(f)(X), expected)


class _Raises:
    def __reduce__(self):
        return _raise, ()


def _raise():
    raise SystemError("from a file")


def test_what_has_no_meaning_elsewhere_is_not_kept(own_folder):
    """Calls of libraries, functions of the user's, and large arrays."""
    large = np.arange(float(kept.MOST // 8 + 1))
    for f, x in ((lambda x: np.sort(x) + 1, X), (lambda x: x + large, np.zeros(1))):
        g = hoad.compile(f)
        np.testing.assert_array_equal(g(x), f(x))
        assert written(own_folder) == []
    assert kept.key_of(steps_of(lambda x: x + large, np.zeros(1))) is None


def test_primitives_and_functions_of_users_have_no_name_elsewhere():
    """Another process may call another function so."""
    for part in (_Raises, _raise, np.empty(2, object), FUNCTIONS["product"]):
        steps = steps_of(lambda x: x * 2, X)
        changed = steps.with_steps([dataclasses.replace(steps.steps[0], kw={"part": part})])
        assert kept.key_of(steps) is not None
        assert kept.key_of(changed) is None
    alone = Primitive("multiply", np.multiply, "linear")
    assert kept.key_of(steps.with_steps([dataclasses.replace(steps.steps[0], primitive=alone)])) is None


def test_it_can_be_switched_off_and_cleared(own_folder, monkeypatch):
    monkeypatch.setattr(settings, "KEEPS", False)
    hoad.compile(FUNCTIONS["product"])(X)
    assert written(own_folder) == []
    monkeypatch.setattr(settings, "KEEPS", True)
    hoad.compile(FUNCTIONS["product"])(X)
    assert len(written(own_folder)) == 1
    assert cache.statistics().entries == len(content(own_folder))
    cache.clear()
    assert written(own_folder) == []
