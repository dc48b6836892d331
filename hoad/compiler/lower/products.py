"""Products of arrays, all as einsum writes them."""

from __future__ import annotations

from string import ascii_letters
from typing import Any

from hoad.compiler.loops.values import Pointwise, Product, Uniform, Value
from hoad.compiler.lower.lowering import code, lowers
from hoad.compiler.lower.shaping import moved
from hoad.rules.products import explicit_subscripts

__all__ = ["contracted"]


def contracted(a: Value, b: Value, la: str, lb: str, out: str, spec: Any) -> Value | None:
    """sum of a[la] b[lb] over the letters that are not in ``out``."""
    dtype = code(spec.dtype)
    if dtype == "b1" or 0 in a.shape or 0 in b.shape:
        return Uniform(0.0, spec.shape, dtype) if dtype != "b1" else None
    product = Product(a, b, (la, lb, out), dtype)
    return product if product.inner() else product.args[0]


@lowers("matmul")
def _matmul(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    if kw:
        return None
    a, b = args
    batch = max(len(a.shape), len(b.shape), 2) - 2
    letters = ascii_letters[3 : 3 + batch]
    la = letters[batch - (len(a.shape) - 2) :] + "ik" if len(a.shape) > 1 else "k"
    lb = letters[batch - (len(b.shape) - 2) :] + "kj" if len(b.shape) > 1 else "k"
    out = letters + ("i" if len(a.shape) > 1 else "") + ("j" if len(b.shape) > 1 else "")
    return contracted(*_dropped(a, b, la, lb), out, spec)


def _dropped(a: Value, b: Value, la: str, lb: str) -> tuple[Value, Value, str, str]:
    """Axes of length 1 that are broadcast against longer ones have no letter of their own."""
    extent: dict[str, int] = {}
    for x, l in ((a, la), (b, lb)):
        for k, n in zip(l, x.shape, strict=True):
            extent[k] = max(extent.get(k, 1), n)
    found: list[Any] = []
    for x, l in ((a, la), (b, lb)):
        keep = [k for k, (c, n) in enumerate(zip(l, x.shape, strict=True)) if not (n == 1 and extent[c] != 1)]
        if len(keep) < len(l):
            maps: list[Any] = [(0, ())] * len(l)
            for at, axis in enumerate(keep):
                maps[axis] = (0, ((at, 1),))
            x, l = moved(x, maps, [x.shape[k] for k in keep]), "".join(l[k] for k in keep)
        found += [x, l]
    return found[0], found[2], found[1], found[3]


def _once(a: Value, labels: str) -> tuple[Value, str]:
    """The diagonal along axes that share a letter."""
    once = "".join(dict.fromkeys(labels))
    if once == labels:
        return a, labels
    extent: dict[str, int] = {}
    for k, n in zip(labels, a.shape, strict=True):
        extent[k] = max(extent.get(k, 1), n)
    maps: list[Any] = [(0, ((once.index(k), 1),) if n != 1 else ()) for k, n in zip(labels, a.shape, strict=True)]
    return moved(a, maps, [extent[k] for k in once]), once


@lowers("einsum", "einsum_fast", "einsum_view")
def _einsum(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    text, dtype = kw.get("subscripts"), code(spec.dtype)
    if set(kw) != {"subscripts"} or not isinstance(text, str) or not args:
        return None
    labels, out = explicit_subscripts(text, [len(a.shape) for a in args])
    if len(set(out)) != len(out) or any(len(l) != len(a.shape) for l, a in zip(labels, args, strict=True)):
        return None
    if any(a.dtype == "b1" for a in args):
        return None
    args = [a if a.dtype == dtype else Pointwise("convert", (a,), a.shape, dtype) for a in args]
    for n, (a, l) in enumerate(zip(args, labels, strict=True)):
        args[n], labels[n] = _once(a, l)
    if len(args) == 1:
        (x,), (l,) = args, labels
        if set(l) == set(out):
            return moved(x, [(0, ((out.index(k), 1),)) for k in l], spec.shape)
        return contracted(x, Uniform(1.0, (), dtype), l, "", out, spec)
    value, have = args[0], labels[0]
    for n in range(1, len(args)):
        other, l = args[n], labels[n]
        if n == len(args) - 1:
            return contracted(*_dropped(value, other, have, l), out, spec)
        later = set("".join(labels[n + 1 :]) + out)
        a, b, la, lb = _dropped(value, other, have, l)
        kept = "".join(k for k in dict.fromkeys(la + lb) if k in later)
        found = Product(a, b, (la, lb, kept), a.dtype)
        value, have = (found if found.inner() else found.args[0]), kept
    return None


def _pair(name: str, formula: Any) -> None:
    @lowers(name)
    def rule(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
        if len(args) != 2:
            return None
        a, b = args
        found = formula(a, b, kw)
        return None if found is None else contracted(*_dropped(a, b, found[0], found[1]), found[2], spec)


def _dot(a: Value, b: Value, kw: Any) -> Any:
    if kw:
        return None
    p, q = len(a.shape), len(b.shape)
    if not p or not q:
        letters = ascii_letters[: p + q]
        return letters[:p], letters[p:], letters
    la = ascii_letters[:p]
    lb = ascii_letters[p : p + q]
    at = max(q - 2, 0)
    lb = lb[:at] + la[-1] + lb[at + 1 :]
    return la, lb, la[:-1] + lb[:at] + lb[at + 1 :]


def _inner(a: Value, b: Value, kw: Any) -> Any:
    p, q = len(a.shape), len(b.shape)
    if kw or not p or not q:
        return None
    la = ascii_letters[:p]
    lb = ascii_letters[p : p + q - 1] + la[-1]
    return la, lb, la[:-1] + lb[:-1]


def _outer(a: Value, b: Value, kw: Any) -> Any:
    return ("a", "b", "ab") if not kw and len(a.shape) == 1 and len(b.shape) == 1 else None


_pair("dot", _dot)
_pair("inner", _inner)
_pair("outer", _outer)


@lowers("vecdot")
def _vecdot(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    a, b = args
    if kw or not a.shape or not b.shape:
        return None
    letters = ascii_letters[1 : 1 + max(len(a.shape), len(b.shape)) - 1]
    la, lb = (letters[len(letters) - len(x.shape) + 1 :] + "a" for x in (a, b))
    return contracted(*_dropped(a, b, la, lb), letters, spec)


@lowers("tensordot")
def _tensordot(args: list[Value], kw: dict[str, Any], spec: Any) -> Value | None:
    axes: Any = kw.get("axes")
    if set(kw) != {"axes"}:
        return None
    a, b = args
    p, q = len(a.shape), len(b.shape)
    if isinstance(axes, int):
        first, second = list(range(p - axes, p)), list(range(axes))
    else:
        one, two = axes
        first = [one] if isinstance(one, int) else list(one)
        second = [two] if isinstance(two, int) else list(two)
    la = list(ascii_letters[:p])
    lb = list(ascii_letters[p : p + q])
    for i, j in zip(first, second, strict=True):
        lb[j % q] = la[i % p]
    summed = {la[i % p] for i in first}
    out = "".join(k for k in la + lb if k not in summed)
    return contracted(*_dropped(a, b, "".join(la), "".join(lb)), out, spec)
