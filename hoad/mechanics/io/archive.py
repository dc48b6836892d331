"""Arrays with metadata in one file: NPZ or HDF5; and the whole result of a solve in such a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from hoad.atomic import write_atomically
from hoad.errors import MechanicsError
from hoad.mechanics.io.packages import need

if TYPE_CHECKING:
    from hoad.mechanics.solution import Solution

__all__ = ["read_arrays", "save", "write_arrays", "write_solution"]

Array = Any
_META = "metadata"


def write_arrays(path: str | os.PathLike[str], arrays: dict[str, Array], metadata: dict[str, Any]) -> None:
    """Write arrays and metadata (what JSON can hold) to ``.npz`` or ``.h5``, in one step.

    In NPZ the metadata are a string array named ``metadata``, in HDF5 a data set of bytes of that name.
    """
    text = json.dumps(metadata)
    if _is_hdf5(path):
        h5py = need("h5py", "writing .h5 files")

        def write(stream: BinaryIO) -> None:
            with h5py.File(stream, "w") as file:
                # a data set of bytes, since attributes are limited to 64 kB
                file[_META] = np.frombuffer(text.encode(), np.uint8)
                for name, value in arrays.items():
                    value = np.asarray(value)
                    file[name] = value if value.dtype.kind != "U" else value.astype(h5py.string_dtype())

    else:

        def write(stream: BinaryIO) -> None:
            np.savez(stream, **{_META: np.array(text)}, **arrays)  # type: ignore[arg-type]

    write_atomically(path, write)


def read_arrays(path: str | os.PathLike[str]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays and metadata of a file that :func:`write_arrays` made.

    Parameters
    ----------
    path : path
        Ends in ``.npz``, ``.h5`` or ``.hdf5``.

    Returns
    -------
    arrays : dict
    metadata : dict

    Raises
    ------
    MechanicsError
        If it is not such a file, or damaged.
    """
    hdf5 = _is_hdf5(path)
    h5py = need("h5py", "reading .h5 files") if hdf5 else None
    arrays: dict[str, Array] = {}
    try:
        if h5py is not None:
            with h5py.File(path, "r") as file:
                file.visititems(lambda name, item: arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
            text = arrays.pop(_META).tobytes().decode()
        else:
            # opened here, since NumPy leaves a file open that turns out to be damaged
            with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
                arrays.update({name: file[name] for name in file.files})
            text = str(arrays.pop(_META))
        return arrays, json.loads(text)
    except Exception as error:  # NumPy, zipfile, h5py and json each have exceptions of their own for damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise MechanicsError(f"{path} cannot be read: {reason}. Expected a file of hoad's; remove it to start anew.") from error


def require_folder(path: str | os.PathLike[str]) -> None:
    """Raise unless the folder of a file that is to be written exists."""
    folder = Path(path).resolve().parent
    if not folder.is_dir():
        raise MechanicsError(f"{os.fspath(path)} cannot be written: there is no folder {folder}. Make it first.")


def _is_hdf5(path: str | os.PathLike[str]) -> bool:
    suffix = Path(path).suffix.lower()
    if suffix not in (".npz", ".h5", ".hdf5"):
        raise MechanicsError(f"{os.fspath(path)} has suffix {suffix!r}, expected .npz, .h5 or .hdf5.")
    return suffix != ".npz"


def write_solution(solution: Solution, path: str | os.PathLike[str], names: list[str] | None = None) -> None:
    """Write the response along the path and the fields at its end to ``.npz`` or ``.h5``.

    Parameters
    ----------
    solution : Solution
    path : path
        Ends in ``.npz``, ``.h5`` or ``.hdf5``.
    names : list of str, optional
        Which of the fields at the end; all by default.

    Notes
    -----
    Arrays: ``time``, ``strain``, ``stress``, ``cauchy`` (finite strains), ``energy``, ``iterations``, ``residual`` along the path;
    ``strain_field``, ``stress_field``, ``displacement`` and ``variable_<name>`` at its end, as the attributes of the solution;
    ``image``. Metadata are a JSON text: version, lengths, scheme, plane, kind of strain, materials, tolerance, convergence.
    """
    from hoad import __version__
    from hoad.mechanics.io.fields import require_whole, unknown_name

    require_whole(solution)
    problem, cell = solution.problem, solution.problem.cell
    path_names = ["time", "strain", "stress", "energy", "iterations", "residual"]
    if problem.kinematics.kind == "finite" and len(problem.kinematics.macro_shape) == 2:
        path_names.insert(3, "cauchy")
    arrays = {name: getattr(solution, name) for name in path_names}
    fields = {name: (lambda name=name: getattr(solution, name)) for name in ("strain_field", "stress_field", "displacement")}
    variables = solution.variables
    fields |= {f"variable_{k}": (lambda v=v: v) for k, v in variables.items()}
    for name in fields if names is None else names:
        if name not in fields:
            raise unknown_name("field", name, list(fields))
        arrays[name] = fields[name]()
    arrays["image"] = cell.image
    metadata = {
        "hoad": __version__,
        "lengths": cell.grid.lengths,
        "scheme": cell.scheme,
        "plane": cell.plane,
        "kinematics": problem.kinematics.kind,
        "phases": {str(label): _described(material) for label, material in problem.phases.items()},
        "tol": solution.newton.tol,
        "converged": solution.converged,
        "message": solution.message,
    }
    write_arrays(path, arrays, metadata)


def _described(material: Any) -> str:
    """A material on one line; parameter fields by their shape."""
    fields = {k: v if np.ndim(v) == 0 else f"field of shape {np.shape(v)}" for k, v in material.parameters.items()}
    return f"{type(material).__name__}({', '.join(f'{k}={v}' for k, v in fields.items())})"


def save(solution: Solution, path: str | os.PathLike[str], fields: list[str] | None = None) -> None:
    """What :meth:`hoad.mechanics.Solution.save` does: choose the writer by suffix.

    Parameters
    ----------
    solution : Solution
    path : path
    fields : list of str, optional

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from hoad import mechanics as me
    >>> cell = me.Cell(np.arange(16).reshape(4, 4) % 2)
    >>> phases = {0: me.LinearElastic(mu=1.0, lmbda=1.0), 1: me.LinearElastic(mu=2.0, lmbda=1.0)}
    >>> sol = me.solve(cell, phases, me.strain_path([e * np.eye(2) for e in (0.01, 0.02)]))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "result.npz"
    ...     sol.save(path)
    ...     with np.load(path) as data:
    ...         data["stress"].shape, data["stress_field"].shape
    ((2, 2, 2), (2, 2, 1, 4, 4))
    """
    from hoad.mechanics.io.vti import write_vti
    from hoad.mechanics.io.xdmf import write_xdmf

    writers = {".xdmf": write_xdmf, ".xmf": write_xdmf, ".vti": write_vti} | dict.fromkeys((".npz", ".h5", ".hdf5"), write_solution)
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise MechanicsError(f"{os.fspath(path)} has suffix {suffix!r}, expected one of {', '.join(writers)}.")
    solution._end()  # a solution without a step has nothing to save
    require_folder(path)
    writers[suffix](solution, path, fields)
