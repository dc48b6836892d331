"""einsum in all its forms, and products with axes=, axis=, keepdims= and out=: every mode, against NumPy."""

import numpy as np
import pytest

import hoad
from hoad.errors import InPlaceError

from .agreement import all_modes_agree, close

RNG = np.random.default_rng(8)
A, B, V, T = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 4)), RNG.normal(size=3), RNG.normal(size=(2, 3, 3))

EINSUMS = {
    "trace": lambda x: np.einsum("ii", x), "trace, explicit": lambda x: np.einsum("ii->", x),
    "diagonal": lambda x: np.einsum("ii->i", x), "transposed": lambda x: np.einsum("ji", x),
    "row sums": lambda x: np.einsum("ij->i", x), "all": lambda x: np.einsum("ij->", x),
    "implicit product": lambda x: np.einsum("ij,jk", x, B), "implicit order": lambda x: np.einsum("kj,ik", x, A),
    "ellipsis": lambda x: np.einsum("...ij,jk->...ik", T, x), "ellipsis in both": lambda x: np.einsum("...i,...i", x, A),
    "ellipsis alone": lambda x: np.einsum("...,...->...", x, A),
    "ellipsis, diagonal": lambda x: np.einsum("...ii->...i", x[None] * T),
    "twice": lambda x: np.einsum("ij,ij->", x, x), "three": lambda x: np.einsum("i,ij,jk->k", V, x, B),
    "three, greedy": lambda x: np.einsum("i,ij,jk->k", V, x, B, optimize="greedy"),
    "three, optimal": lambda x: np.einsum("ij,jk,ik->", x, x, x, optimize="optimal"),
    "three, by a path": lambda x: np.einsum("i,ij,jk->k", V, x, B, optimize=np.einsum_path("i,ij,jk->k", V, x, B)[0]),
    "repeated in one": lambda x: np.einsum("ii,i->i", x, V), "outer": lambda x: np.einsum("i,jk->ijk", V, x),
    "numbers for letters": lambda x: np.einsum(x, [0, 1], B, [1, 2], [0, 2]),
    "numbers, implicit": lambda x: np.einsum(x, [1, 0], V, [1]), "numbers, ellipsis": lambda x: np.einsum(x, [..., 0], V, [0]),
    "a broadcast axis": lambda x: np.einsum("ij,ij->i", x[:, :1], x),
    "spaces": lambda x: np.einsum(" i j , j k -> i k ", x, B), "an axis summed alone": lambda x: np.einsum("ij,k->i", x, V),
    "dtype": lambda x: np.einsum("ij,j->i", x, V, dtype=np.float64),
}  # fmt: skip
PRODUCTS = {
    "matmul, axes": lambda x: np.matmul(T, x, axes=[(1, 2), (0, 1), (2, 1)]),
    "matmul, first axes": lambda x: np.matmul(x, B, axes=[(-1, -2), (0, 1), (0, 1)]),
    "vecdot, axis": lambda x: np.vecdot(x, A, axis=0),
    "vecdot, keepdims": lambda x: np.vecdot(x, A, axis=0, keepdims=True),
    "vecdot, axes": lambda x: np.vecdot(x, A, axes=[0, 1, ()]),
    "a list on the right": lambda x: x @ [1.0, -2.0, 0.5], "a list on the left": lambda x: [[1.0, -2.0, 0.5]] @ x,
    "matvec": lambda x: np.matvec(x, A), "matvec of a stack": lambda x: np.matvec(T[:, None], x),
    "matvec, axes": lambda x: np.matvec(x, V, axes=[(1, 0), (0,), (0,)]),
    "vecmat": lambda x: np.vecmat(V, x), "vecmat, axes": lambda x: np.vecmat(x, T[0], axes=[(0,), (1, 0), (0,)]),
    "vecdot in the other": lambda x: np.vecdot(A, x), "vecmat in the vector": lambda x: np.vecmat(x, B),
}  # fmt: skip


@pytest.mark.parametrize("name", EINSUMS)
def test_einsum(name):
    all_modes_agree(EINSUMS[name], A, order=3)
    xs = np.stack([A, A.T, 2 * A])
    close(hoad.vmap(EINSUMS[name])(xs), [EINSUMS[name](x) for x in xs], 1e-13)


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.skipif(not hasattr(np, "vecmat"), reason="NumPy 2.2 brings vecmat and matvec")
def test_products(name):
    all_modes_agree(PRODUCTS[name], A, order=3)
    all_modes_agree(PRODUCTS[name], A + 1j * A.T, order=3)
    xs = np.stack([A, A.T, 2 * A])
    close(hoad.vmap(PRODUCTS[name])(xs), [PRODUCTS[name](x) for x in xs], 1e-13)


def test_out_of_products():
    calls = {
        "matmul": lambda x, o: np.matmul(x, x, out=o), "einsum": lambda x, o: np.einsum("ij,jk->ik", x, x, out=o),
        "dot": lambda x, o: np.dot(x, x, out=o), "outer": lambda x, o: np.outer(x[0], x[1], out=o),
        "multiply.outer": lambda x, o: np.multiply.outer(x[0], x[1], out=o),
    }  # fmt: skip
    for call in calls.values():

        def stored(x, call=call):
            o = np.zeros_like(x)
            assert call(x, o) is o
            return o

        all_modes_agree(stored, A, order=3)
    with pytest.raises(InPlaceError, match="out= has shape"):
        hoad.grad(lambda x: np.sum(np.matmul(x, x, out=np.zeros_like(x[0]))))(A)


def test_bad_products():
    with pytest.raises(TypeError, match="single shared core dimension"):
        hoad.jvp(lambda x: np.matmul(x, x, axis=0), (A,), (A,))
    with pytest.raises(ValueError, match="subscripts"):
        hoad.jvp(lambda x: np.einsum("ijk,jk->i", x, A), (A,), (A,))
