"""Voxel images from files: NumPy arrays, VTK image data, pictures and stacks of pictures."""

from __future__ import annotations

import logging
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hoad.errors import CellError
from hoad.mechanics.io.packages import need

__all__ = ["READERS", "read_image"]

Array = Any


def read_image(path: str | os.PathLike[str], *, key: str | None = None) -> Array:
    """Labels of the voxels in a file.

    Parameters
    ----------
    path : path
        By suffix:

        - ``.npy``, ``.npz``: an array as it is;
        - ``.vti``: cell data of VTK image data (needs vtk); points and lengths are not read;
        - ``.png``, ``.tif``, ``.tiff``: a grey picture; a TIFF of several pages is a stack (need pillow and tifffile);
        - a folder: one picture for each slice, in the order of the numbers in their names.
    key : str, optional
        Which array of an ``.npz`` or ``.vti`` file; may be left out if there is only one.

    Returns
    -------
    array of shape (n, ...)
        Labels with the dtype of the file: grey values are kept as they are. Axis 0 of an array is x, axis 1 y, axis 2 z. In
        pictures the array is what NumPy users expect of them: rows (from the top) along axis 0, columns along axis 1; in stacks
        slices along axis 0, rows along axis 1, columns along axis 2. ``image[::-1].T`` turns a picture so that x points to the
        right and y upwards, ``np.moveaxis(image, 0, -1)`` puts the slices of a stack along z.

    Raises
    ------
    CellError
        If the file does not exist, cannot be read, is truncated, has an unknown suffix, colours, or several arrays without a
        ``key``.
    ImportError
        If the package for the format is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from hoad.mechanics.io.images import read_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "image.npy"
    ...     np.save(path, np.array([[0, 1, 1], [0, 0, 1]]))
    ...     read_image(path)
    array([[0, 1, 1],
           [0, 0, 1]])
    """
    file = Path(path)
    if file.is_dir():
        return _folder(file, key)
    suffix = file.suffix.lower()
    if suffix not in READERS:
        raise CellError(f"image {file} has suffix {suffix!r}, expected one of {', '.join(READERS)}, or a folder of slices.")
    if not file.is_file():
        raise CellError(f"image {file} does not exist, expected a file or a folder of slices. Check the path and its spelling.")
    if key is not None and suffix not in (".npz", ".vti"):
        raise CellError(f"key={key!r} was given for {file}, which holds a single image. Leave the key out.")
    try:
        image = READERS[suffix](file, key)
    except (CellError, ImportError):
        raise
    except Exception as error:  # every reader has exceptions of its own for damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CellError(f"image {file} cannot be read: {reason}. It may be truncated, or not be a {suffix} file.") from error
    if image.dtype.kind not in "biufUS":
        raise CellError(f"image {file} has dtype {image.dtype}, expected integers, booleans, whole numbers or strings.")
    return image


# -- arrays -------------------------------------------------------------------------------------------------------------------


def _npy(file: Path, key: str | None) -> Array:
    return np.load(file, allow_pickle=False)


def _npz(file: Path, key: str | None) -> Array:
    if not zipfile.is_zipfile(file):
        raise ValueError("it is not a complete zip archive")
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return arrays[_chosen(file, key, {name: arrays[name].shape for name in arrays.files} if key is None else arrays.files)]


def _chosen(file: Path, key: str | None, known: Any) -> str:
    """The key, or the only array; ``known`` are names, with shapes if there is no key."""
    if key is not None:
        if key not in known:
            raise CellError(f"{file} has no array {key!r}, expected one of {', '.join(map(repr, known)) or 'none: it is empty'}.")
        return key
    if len(known) != 1:
        listed = ", ".join(f"{name!r} of shape {shape}" for name, shape in known.items()) or "none"
        raise CellError(f"{file} has {len(known)} arrays, expected one or a key: {listed}. Use read_image(path, key=...).")
    return str(next(iter(known)))


# -- VTK ----------------------------------------------------------------------------------------------------------------------


def _vti(file: Path, key: str | None) -> Array:
    xml = need("vtkmodules.vtkIOXML", "reading .vti files")
    to_numpy = need("vtkmodules.util.numpy_support", "reading .vti files").vtk_to_numpy
    reader = xml.vtkXMLImageDataReader()
    problems: list[str] = []

    def note(*args: Any) -> None:
        problems.append(str(args[-1]))

    note.CallDataType = "string0"  # type: ignore[attr-defined]  # asks VTK for the message
    reader.AddObserver("ErrorEvent", note)
    reader.SetFileName(str(file))
    with _quiet_vtk():
        reader.Update()
    if problems or reader.GetErrorCode():
        raise ValueError(problems[0].split(": ")[-1] if problems else f"VTK error {reader.GetErrorCode()}")
    grid = reader.GetOutput()
    data = grid.GetCellData()
    names = {data.GetArrayName(i): data.GetArray(i) for i in range(data.GetNumberOfArrays())}
    points = grid.GetPointData()
    if not names:
        held = [points.GetArrayName(i) for i in range(points.GetNumberOfArrays())]
        raise CellError(
            f"{file} has no cell data" + (f", only point data {', '.join(map(repr, held))}" if held else "") + ", expected a label "
            "for each cell. Convert it with VTK's or ParaView's point data to cell data."
        )
    e = grid.GetExtent()
    cells = [e[2 * a + 1] - e[2 * a] for a in range(3)]
    shape = tuple(n for n in cells if n > 0)
    array = names[_chosen(file, key, dict.fromkeys(names, shape))]
    values = to_numpy(array)
    if values.ndim != 1:
        raise CellError(f"array of {file} has {values.shape[1]} components in each cell, expected one label.")
    return np.ascontiguousarray(values.reshape(shape[::-1]).T)  # in the file x runs fastest


@contextmanager
def _quiet_vtk() -> Iterator[None]:
    """VTK's own messages go nowhere: what went wrong is raised as an exception."""
    core = need("vtkmodules.vtkCommonCore", "reading .vti files")
    before = core.vtkObject.GetGlobalWarningDisplay()
    verbosity = core.vtkLogger.GetCurrentVerbosityCutoff()
    core.vtkLogger.SetStderrVerbosity(core.vtkLogger.VERBOSITY_OFF)
    try:
        yield
    finally:
        core.vtkLogger.SetStderrVerbosity(verbosity)
        core.vtkObject.SetGlobalWarningDisplay(before)


# -- pictures -----------------------------------------------------------------------------------------------------------------


def _no_colours(file: Path, found: str) -> CellError:
    return CellError(
        f"picture {file} has {found}, expected grey values: labels of phases. Convert it to grey first, for example with Pillow's "
        "Image.open(path).convert('L'), or choose one channel and save it as .npy."
    )


def _png(file: Path, key: str | None) -> Array:
    pillow = need("PIL.Image", "reading .png files")
    with file.open("rb") as stream:
        header = stream.read(26)
    with pillow.open(file, formats=["PNG"]) as picture:
        if picture.mode not in ("1", "L", "I", "I;16", "I;16B"):
            raise _no_colours(file, f"mode {picture.mode}" + (" (indexed colours)" if picture.mode == "P" else ""))
        values = np.asarray(picture)
    bits = header[24]  # Pillow stretches 2 and 4 bits to the range of 8
    return values // {2: 85, 4: 17}[bits] if bits in (2, 4) and values.dtype == np.uint8 else values


def _tiff(file: Path, key: str | None) -> Array:
    tifffile = need("tifffile", "reading .tif files")
    with _complaints("tifffile") as complaints, tifffile.TiffFile(file) as tiff:
        if complaints:
            raise ValueError(complaints[0])
        page = tiff.pages[0]
        if page.samplesperpixel > 1 or page.photometric.name in ("RGB", "PALETTE", "YCBCR", "CIELAB", "SEPARATED"):
            raise _no_colours(file, f"{page.samplesperpixel} channel(s), {page.photometric.name}")
        shapes = {p.shape for p in tiff.pages}
        if len(shapes) > 1:
            raise CellError(f"the pages of {file} have shapes {sorted(shapes)}, expected equal ones: the slices of a stack.")
        try:
            # one series may hold more slices than pages (ImageJ), many series are pages that were appended one by one
            values = tiff.asarray() if len(tiff.series) == 1 else np.stack([p.asarray() for p in tiff.pages])
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
            values = _pages_by_pillow(file, page.bitspersample, len(tiff.pages))
        if complaints:
            raise ValueError(complaints[0])
    return values


def _pages_by_pillow(file: Path, bits: int, count: int) -> Array:
    """Pages whose compression (LZW, for example) tifffile only reads with a further package."""
    pillow = need("PIL.Image", "reading .tif files")
    with pillow.open(file, formats=["TIFF"]) as picture:
        if picture.mode not in ("1", "L", "I", "I;16", "I;16B", "F") or bits not in (1, 8, 16, 32) or picture.n_frames != count:
            raise ValueError(f"its compression with {bits} bits (mode {picture.mode}) needs the package imagecodecs")
        pages = []
        for number in range(count):
            picture.seek(number)
            pages.append(np.array(picture))
    return pages[0] if count == 1 else np.stack(pages)


@contextmanager
def _complaints(logger: str) -> Iterator[list[str]]:
    """Errors that a package logs instead of raising them, such as pages that lie behind the end of the file."""
    messages: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            messages.append(record.getMessage())

    log, handler = logging.getLogger(logger), Keep(logging.ERROR)
    log.addHandler(handler)
    kept, log.propagate = log.propagate, False
    try:
        yield messages
    finally:
        log.removeHandler(handler)
        log.propagate = kept


def _folder(folder: Path, key: str | None) -> Array:
    """A stack of pictures, in the natural order of their names."""
    if key is not None:
        raise CellError(f"key={key!r} was given for the folder {folder}, which is a stack of slices. Leave the key out.")
    files = [f for f in folder.iterdir() if f.is_file() and f.suffix.lower() in _PICTURES and not f.name.startswith(".")]
    if not files:
        raise CellError(f"folder {folder} has no pictures ({', '.join(_PICTURES)}), expected one for each slice.")
    suffixes = sorted({f.suffix.lower() for f in files})
    if len(suffixes) > 1:
        raise CellError(f"folder {folder} has pictures of kinds {', '.join(suffixes)}, expected one kind. Move the others away.")
    files.sort(key=lambda f: [(0, int(t), "") if t.isdigit() else (1, 0, t) for t in re.split(r"(\d+)", f.name)])
    slices = [read_image(f) for f in files]
    first = slices[0]
    for file, values in zip(files, slices, strict=True):
        if values.ndim != 2:
            raise CellError(f"slice {file} has shape {values.shape}, expected a single picture.")
        if values.shape != first.shape or values.dtype != first.dtype:
            raise CellError(
                f"slice {file} has shape {values.shape} and dtype {values.dtype}, expected {first.shape} and {first.dtype} as in "
                f"{files[0].name}."
            )
    return np.stack(slices)


_PICTURES = (".png", ".tif", ".tiff")
READERS: dict[str, Callable[[Path, str | None], Array]] = {
    ".npy": _npy, ".npz": _npz, ".vti": _vti, ".png": _png, ".tif": _tiff, ".tiff": _tiff,
}  # fmt: skip
"""Reader of each kind of file by suffix."""
