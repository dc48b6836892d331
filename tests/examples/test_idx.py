"""IDX files: every type and shape comes back as written, the published layout is read, and each damage is named."""

from __future__ import annotations

import gzip
import re
import struct

import numpy as np
import pytest

idx = pytest.importorskip("idx")

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
# As on MNIST's page: magic number 0x00000803, three lengths, then the pixels row by row.
CONTENT = b"\x00\x00\x08\x03" + struct.pack(">III", 2, 3, 4) + bytes(range(24))


@pytest.mark.parametrize("name", ["images-idx3-ubyte", "images-idx3-ubyte.gz", "packed without the suffix"])
def test_published_layout(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(CONTENT if name.endswith("ubyte") else gzip.compress(CONTENT, mtime=0))
    found = idx.read_idx(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, IMAGES)
    assert found.flags.writeable


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("shape", [(), (5,), (0, 3), (2, 3, 4)])
def test_what_is_written_comes_back(dtype, shape, suffix, tmp_path):
    array = (100 * np.random.default_rng(0).random(shape)).astype(dtype)
    path = tmp_path / f"array{suffix}"
    idx.write_idx(path, array)
    found = idx.read_idx(path)
    assert found.dtype == array.dtype
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)


def test_entries_are_big_endian(tmp_path):
    (tmp_path / "a").write_bytes(b"\x00\x00\x0c\x01" + struct.pack(">I", 2) + struct.pack(">ii", 1, -2))
    np.testing.assert_array_equal(idx.read_idx(tmp_path / "a"), [1, -2])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it has 0 bytes, the header alone takes at least 4"),
        (b"\x89PNG\r\n", "it begins with the bytes 89 50, an IDX file with 00 00"),
        (b"\x00\x00\x0a\x01", "its type code is 0a, known are 08, 09, 0b, 0c, 0d, 0e"),
        (CONTENT[:10], "it ends after 10 bytes, within a header of 16 bytes for 3 axes"),
        (CONTENT[:-1], "shape (2, 3, 4) of uint8 takes 24 bytes after the header, there are 23"),
        (CONTENT + b"x", "shape (2, 3, 4) of uint8 takes 24 bytes after the header, there are 25"),
        (gzip.compress(CONTENT, mtime=0)[:-9], "its gzip packing is broken"),
        (b"\x1f\x8b\x08" + bytes(20), "its gzip packing is broken"),
        (gzip.compress(CONTENT, mtime=0)[:-8] + bytes(8), "its gzip packing is broken"),
    ],
)
def test_a_damaged_file_gets_one_clear_error(content, reason, tmp_path):
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(reason)) as caught:
        idx.read_idx(path)
    assert str(caught.value).startswith(f"{path} is not an intact IDX file: ")
    assert str(caught.value).endswith("Download or copy it again.")


def test_a_huge_length_is_refused_before_memory_is_asked_for(tmp_path):
    (tmp_path / "huge").write_bytes(b"\x00\x00\x0e\x03" + b"\xff" * 12 + b"1")
    with pytest.raises(ValueError, match="there are 1"):
        idx.read_idx(tmp_path / "huge")


def test_a_missing_file_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        idx.read_idx(tmp_path / "nowhere")


def test_types_that_the_format_lacks_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not int64: convert the array first"):
        idx.write_idx(tmp_path / "a", np.arange(3))


def test_the_program_shows_a_file_from_a_path(tmp_path, capsys):
    idx.write_idx(tmp_path / "labels", np.array([3, 1, 4], np.uint8))
    idx.main([str(tmp_path / "labels")])
    assert capsys.readouterr().out.startswith("labels: shape (3,), uint8, values 1 to 4, mean 2.666667")
    idx.write_idx(tmp_path / "images.gz", IMAGES)
    idx.main([str(tmp_path / "images.gz"), "--out", str(tmp_path / "figure.png")])
    assert (tmp_path / "figure.png").exists()
