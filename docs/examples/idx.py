"""Load IDX files, the format of MNIST, from a path: plain, or packed by gzip.

Run as a program it shows the first images of a file. Without a path it writes a small one from scikit-learn's digits
first, so that there is something to show:

    python docs/examples/idx.py [train-images-idx3-ubyte.gz] [--quick] [--out figure.png]

The format: two zero bytes, a code for the type, the number of axes, their lengths as big-endian 32-bit integers, and then
the entries, big-endian, last axis fastest.  Source: Y. LeCun, C. Cortes & C. Burges, The MNIST database (1998).
"""

from __future__ import annotations

import gzip
import struct
import sys
import zlib
from collections.abc import Sequence
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> np.ndarray:
    """The array in an IDX file.

    Parameters
    ----------
    path : path
        The file; one that begins like a gzip file is unpacked first, whatever its name.

    Returns
    -------
    array
        With the shape and type that the file gives, in the byte order of this machine.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged: what was found, what was expected, and in which file.
    """
    data = _unpacked(Path(path))
    if len(data) < 4:
        raise _damaged(path, f"it has {len(data)} bytes, the header alone takes at least 4")
    zeros, code, axes = struct.unpack(">HBB", data[:4])
    if zeros != 0:
        raise _damaged(path, f"it begins with the bytes {data[:2].hex(' ')}, an IDX file with 00 00")
    if code not in TYPES:
        known = ", ".join(f"{known:02x}" for known in TYPES)
        raise _damaged(path, f"its type code is {code:02x}, known are {known}")
    start = 4 + 4 * axes
    if len(data) < start:
        raise _damaged(path, f"it ends after {len(data)} bytes, within a header of {start} bytes for {axes} axes")
    shape = struct.unpack(f">{axes}I", data[4:start])
    dtype = np.dtype(TYPES[code])
    expected = prod(shape) * dtype.itemsize
    if len(data) - start != expected:
        reason = f"shape {shape} of {dtype.name} takes {expected} bytes after the header, there are {len(data) - start}"
        raise _damaged(path, reason)
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def write_idx(path: str | Path, array: np.ndarray) -> None:
    """Write an array as an IDX file, packed if the name ends in .gz."""
    array = np.asarray(array)  # a scalar of NumPy has no byte order
    codes = {np.dtype(name).newbyteorder("="): code for code, name in TYPES.items()}
    if array.dtype.newbyteorder("=") not in codes:
        raise ValueError(f"IDX files hold {', '.join(str(dtype) for dtype in codes)}, not {array.dtype}: convert the array first.")
    code = codes[array.dtype.newbyteorder("=")]
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    content = header + array.astype(TYPES[code]).tobytes()
    Path(path).write_bytes(gzip.compress(content) if str(path).endswith(".gz") else content)


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise _damaged(path, f"its gzip packing is broken ({error})") from error


def _damaged(path: str | Path, reason: str) -> ValueError:
    return ValueError(f"{path} is not an intact IDX file: {reason}. Download or copy it again.")


def main(argv: Sequence[str] | None = None) -> None:
    """Show what is in a file."""
    from presentation import canvas, command_line, save
    from sklearn.datasets import load_digits

    argv = list(sys.argv[1:] if argv is None else argv)
    named = argv.pop(0) if argv and not argv[0].startswith("-") else None
    options = command_line(__doc__, "idx", argv)
    with TemporaryDirectory() as directory:
        path = Path(named or Path(directory) / "digits-images-idx3-ubyte.gz")
        if named is None:
            write_idx(path, load_digits().images.astype(np.uint8))
        array = read_idx(path)
    print(f"{path.name}: shape {array.shape}, {array.dtype}, values {array.min()} to {array.max()}, mean {array.mean():.6f}")
    if array.ndim != 3:
        print("no figure: these are not images")
        return
    drawing, panels = canvas(16, f"the first images of {path.name}", rows=2 if options.quick else 4, height=2.8)
    for axes, image in zip(panels, array):
        axes.imshow(image, cmap="Greys", interpolation="nearest")
    for axes in panels:
        axes.set_axis_off()
    save(drawing, options.out)


if __name__ == "__main__":
    main()
