"""Whatever a function closes over may change between calls, in every kind of container; and what tells arguments apart."""

from __future__ import annotations

import array
import os
import threading
from collections import OrderedDict, defaultdict, deque
from contextvars import ContextVar
from types import SimpleNamespace

import numpy as np
import pytest

import hoad

X = np.linspace(-1.0, 2.0, 7)


class Names(list):
    """A list of one's own."""


class Base:
    scale = 2.0

    @classmethod
    def scaled(cls, x):
        return x * cls.scale


class Derived(Base):
    pass


def with_default(x, w=2.0):
    return x * w


def with_attribute(x):
    return x * with_attribute.scale


with_attribute.scale = 2.0
variable = ContextVar("variable", default=2.0)


def _item(holder, key=0):
    return lambda x: x * holder[key], lambda: holder.__setitem__(key, 5.0)


def _set(holder):
    return lambda x: x * sum(holder), lambda: (holder.clear(), holder.add(5.0))


def _attribute(holder):
    holder.k = 2.0
    return lambda x: x * holder.k, lambda: setattr(holder, "k", 5.0)


CASES = {
    "list": lambda: _item([2.0]),
    "own list": lambda: _item(Names([2.0])),
    "deque": lambda: _item(deque([2.0])),
    "dict": lambda: _item({0: 2.0}),
    "OrderedDict": lambda: _item(OrderedDict({0: 2.0})),
    "defaultdict": lambda: _item(defaultdict(float, {0: 2.0})),
    "set": lambda: _set({2.0}),
    "array": lambda: _item(array.array("d", [2.0])),
    "objects": lambda: _item(np.array([2.0, None], object)),
    "SimpleNamespace": lambda: _attribute(SimpleNamespace()),
    "thread local": lambda: _attribute(threading.local()),
    "context": lambda: (lambda x: x * variable.get(), lambda: variable.set(5.0)),
    "default": lambda: (with_default, lambda: setattr(with_default, "__defaults__", (5.0,))),
    "attribute of a function": lambda: (with_attribute, lambda: setattr(with_attribute, "scale", 5.0)),
    "class": lambda: (Derived.scaled, lambda: setattr(Base, "scale", 5.0)),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_change_is_noticed(kind):
    f, change = CASES[kind]()
    g = hoad.compile(f)
    for _ in range(2):
        np.testing.assert_array_equal(g(X), 2.0 * X)
    change()
    for _ in range(2):
        np.testing.assert_array_equal(g(X), 5.0 * X)


def test_a_class_that_gets_an_attribute_of_its_base():
    class Root:
        scale = 2.0

        @classmethod
        def scaled(cls, x):
            return x * cls.scale

    class Leaf(Root):
        pass

    g = hoad.compile(Leaf.scaled)
    assert g(X)[-1] == 4.0
    Leaf.scale = 5.0
    assert g(X)[-1] == 10.0


def test_the_environment(monkeypatch):
    monkeypatch.setenv("SCALE", "2")
    g = hoad.compile(lambda x: x * float(os.environ["SCALE"]))
    assert g(X)[-1] == 4.0
    monkeypatch.setenv("SCALE", "5")
    assert g(X)[-1] == 10.0


def test_code_that_is_loaded_again():
    def f(x):
        return 2.0 * x

    def other(x):
        return 5.0 * x

    g = hoad.compile(f)
    assert g(X)[-1] == 4.0
    f.__code__ = other.__code__
    assert g(X)[-1] == 10.0


class Settings:
    def __init__(self, k):
        self.k = k


@pytest.mark.parametrize("argnums", [(), 1])
def test_an_object_as_a_static_argument(argnums):
    s = Settings(2.0)
    g = hoad.compile(lambda x, s: x * s.k, static_argnums=argnums)
    assert g(X, s)[-1] == 4.0
    s.k = 5.0
    assert g(X, s)[-1] == 10.0


@pytest.mark.parametrize("values", [(0.0, -0.0), (1, 1.0, True), ((1,), (1.0,), (True,)), ((0.0, 1), (-0.0, 1))])
def test_static_values_are_told_apart(values):
    g = hoad.compile(lambda x, s: (x.astype(int) * np.ravel(s)[0], 1.0 / (x + np.ravel(s)[0])), static_argnums=1)
    zero = np.array([-0.0])
    with np.errstate(divide="ignore"):
        for s in values:
            whole, inverse = g(zero, s)
            assert whole.dtype == (zero.astype(int) * np.ravel(s)[0]).dtype
            np.testing.assert_array_equal(inverse, 1.0 / (zero + np.ravel(s)[0]))


def test_the_order_of_a_dict():
    g = hoad.compile(lambda d: sum(n * v for n, v in enumerate(d.values())))
    for _ in range(2):
        np.testing.assert_array_equal(g({"a": X, "b": 2.0 * X}), 2.0 * X)
        np.testing.assert_array_equal(g({"b": 2.0 * X, "a": X}), X)


def test_an_error_of_the_function_is_raised_alone():
    def f(x):
        raise KeyError("mine")

    with pytest.raises(KeyError) as found:
        hoad.compile(f)(X)
    assert found.value.__context__ is None
