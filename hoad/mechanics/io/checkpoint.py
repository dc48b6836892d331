"""Checkpoints: the last converged state of a path in a file, from which the same call of solve goes on."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hoad.errors import CellError, LoadError, MaterialError, MechanicsError
from hoad.mechanics.io.archive import _is_hdf5, read_arrays, require_folder, write_arrays
from hoad.mechanics.io.fields import require_whole
from hoad.mechanics.newton import EquilibriumState, Newton
from hoad.mechanics.solution import Solution, Step

if TYPE_CHECKING:
    from hoad.mechanics.load import Control, LoadPath, LoadStep
    from hoad.mechanics.problem import Problem

__all__ = ["Checkpoint", "fingerprint"]

Array = Any
FORMAT = 1


class Checkpoint:
    """File that :func:`hoad.mechanics.solve` writes after each converged step and continues from.

    Parameters
    ----------
    path : path
        Ends in ``.npz``, ``.h5`` or ``.hdf5``.
    problem : Problem
    load : LoadPath
    controls : list of Control
        The steps of the load, resolved.

    Notes
    -----
    The file is replaced in one step, so that a process that is killed at any time leaves the state after its last converged
    step. It carries fingerprints of cell, materials and load steps; settings of the solver may change between runs, and steps
    may be added to the end of the load.
    """

    def __init__(self, path: str | os.PathLike[str], problem: Problem, load: LoadPath, controls: list[Control]) -> None:
        _is_hdf5(path)
        require_folder(path)
        self.path = Path(path)
        self.problem = problem
        self.controls = controls
        self.cell = fingerprint(_cell_parts(problem))
        self.phases = {str(k): fingerprint(m) for k, m in problem.phases.items()}
        self.steps = [fingerprint(step) for step in load.steps]
        self._load: tuple[LoadStep, ...] = load.steps

    def write(self, solution: Solution) -> None:
        """Replace the file by the state at the end of a solution."""
        require_whole(solution)
        state, previous = solution._end(), solution.previous
        states: dict[str, Any] = {}
        metadata = {
            "format": FORMAT,
            "cell": self.cell,
            "phases": self.phases,
            "load": self.steps[: self._done(state.time)],
            "dt": solution.dt,
            "steps": [_plain(step) for step in solution.steps],
            "states": states,
        }
        arrays: dict[str, Array] = {}
        names: dict[int, str] = {}
        for name, s in (("state", state), ("previous", previous)):
            if s is not None:
                parts = {f.name: getattr(s, f.name) for f in dataclasses.fields(s)}
                states[name] = _pack(parts, name, arrays, names)
        write_arrays(self.path, arrays, metadata)

    def restore(self, newton: Newton) -> Solution | None:
        """The solution that the file holds, or None if there is no file.

        Raises
        ------
        CellError, MaterialError, LoadError
            If the file belongs to another cell, other materials or another load.
        MechanicsError
            If it cannot be read.
        """
        if not self.path.exists():
            return None
        arrays, metadata = read_arrays(self.path)
        foreign = MechanicsError(f"{self.path} is not a checkpoint of this version of hoad. Choose another name, or remove it.")
        if metadata.get("format") != FORMAT:
            raise foreign
        self._require_same(metadata)
        try:
            states = {k: EquilibriumState(**_unpack(v, arrays)) for k, v in metadata["states"].items()}
            steps = [Step(**_from_plain(step)) for step in metadata["steps"]]
        except (KeyError, TypeError) as error:
            raise foreign from error
        state = states["state"]
        control = next((c for c in self.controls if c.time == state.time), None)
        return Solution(self.problem, newton, steps, state, states.get("previous"), control, metadata["dt"])

    def _done(self, time: float) -> int:
        """Number of load steps that end at a time or before."""
        return sum(step.time <= time for step in self._load)

    def _require_same(self, metadata: dict[str, Any]) -> None:
        advice = "Continue with the call that wrote it, choose another name, or remove the file to start anew."
        if metadata["cell"] != self.cell:
            raise CellError(f"{self.path} belongs to another cell (image, lengths, scheme or plane), expected this one. {advice}")
        if metadata["phases"] != self.phases:
            saved = metadata["phases"]
            changed = sorted(k for k in saved.keys() | self.phases.keys() if saved.get(k) != self.phases.get(k))
            raise MaterialError(f"{self.path} was written with other materials of phase {', '.join(changed)}. {advice}")
        done = metadata["load"]
        if done != self.steps[: len(done)]:
            first = next(i for i in range(len(done)) if done[i : i + 1] != self.steps[i : i + 1])
            raise LoadError(f"{self.path} was written with another load: step {first} differs or is missing. {advice}")


def _pack(value: Any, place: str, arrays: dict[str, Array], names: dict[int, str]) -> Any:
    """``value`` as JSON can hold it, with its arrays put among ``arrays``; each only once, however often it occurs."""
    if isinstance(value, np.ndarray):
        name = names.setdefault(id(value), place)
        arrays[name] = value
        return {"array": name}
    if isinstance(value, dict):
        return {"dict": {k: _pack(v, f"{place}/{k}", arrays, names) for k, v in value.items()}}
    if isinstance(value, list | tuple):
        return [_pack(v, f"{place}/{i}", arrays, names) for i, v in enumerate(value)]
    return value.item() if isinstance(value, np.generic) else value


def _unpack(value: Any, arrays: dict[str, Array]) -> Any:
    """Inverse of :func:`_pack`."""
    if isinstance(value, dict):
        return arrays[value["array"]] if "array" in value else {k: _unpack(v, arrays) for k, v in value["dict"].items()}
    return [_unpack(v, arrays) for v in value] if isinstance(value, list) else value


def _plain(step: Step) -> dict[str, Any]:
    """A step as JSON; Python writes floating-point numbers so that they are read back exactly."""
    return {k: np.asarray(v).tolist() for k, v in dataclasses.asdict(step).items()}


def _from_plain(step: dict[str, Any]) -> dict[str, Any]:
    tensors = {k: np.array(step[k]) for k in ("strain", "stress")}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in step.items()} | tensors


# -- fingerprints ------------------------------------------------------------------------------------------------------------------


def _cell_parts(problem: Problem) -> list[Any]:
    cell = problem.cell
    return [cell.image, cell.grid.lengths, cell.scheme, cell.plane, cell.antiplane, cell.nyquist]


def fingerprint(thing: Any) -> str:
    """Hash of arrays, numbers, strings, containers, dataclasses and functions, equal for equal ones in every process.

    A function counts by its byte code, its constants, defaults and what it closes over.
    """
    digest = hashlib.sha256()
    _feed(digest.update, thing)
    return digest.hexdigest()


def _feed(update: Any, thing: Any, inside: tuple[int, ...] = ()) -> None:
    """Feed a canonical form: a tag, the length, and the content of each part."""
    if isinstance(thing, np.ndarray | np.generic | int | float | complex):
        a = np.ascontiguousarray(thing)
        update(f"array {a.dtype.str} {a.shape};".encode())
        update(a.tobytes())
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        update(f"{type(thing).__module__}.{type(thing).__qualname__};".encode())
        _feed(update, {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}, inside)
    elif isinstance(thing, dict):
        update(f"dict {len(thing)};".encode())
        for key in sorted(thing, key=repr):
            _feed(update, key, inside)
            _feed(update, thing[key], inside)
    elif isinstance(thing, list | tuple):
        update(f"sequence {len(thing)};".encode())
        for part in thing:
            _feed(update, part, inside)
    elif hasattr(thing, "__code__"):
        update(b"function;")
        if id(thing) not in inside:  # a recursive function closes over itself
            closed = [cell.cell_contents for cell in thing.__closure__ or ()]
            _feed(update, [thing.__code__, thing.__defaults__, closed], (*inside, id(thing)))
    elif hasattr(thing, "co_code"):
        update(b"code;" + thing.co_code)
        _feed(update, [thing.co_consts, thing.co_names], inside)
    elif isinstance(thing, str | bytes | None):
        update(f"{type(thing).__name__} {thing!r};".encode())
    else:  # an object of the user's: its type has to do, as its text may hold an address
        update(f"{type(thing).__module__}.{type(thing).__qualname__};".encode())
