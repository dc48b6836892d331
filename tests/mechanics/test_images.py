"""Voxel images: files made by other programs' writers come back voxel by voxel, damaged ones are refused."""

from __future__ import annotations

import numpy as np
import pytest

from hoad import mechanics as me
from hoad.errors import CellError
from hoad.mechanics.io.images import READERS, read_image

LABELS = np.random.default_rng(1).integers(0, 200, (4, 5, 6))


def write_picture(path, values, **options):
    pytest.importorskip("PIL.Image").fromarray(values).save(path, **options)


def written(kind, folder):
    """A file of each kind that READERS knows, and what must come back."""
    if kind == ".npy":
        np.save(folder / "a.npy", LABELS)
        return folder / "a.npy", LABELS
    if kind == ".npz":
        np.savez(folder / "a.npz", image=LABELS)
        return folder / "a.npz", LABELS
    if kind == ".vti":
        vtk_file(folder / "a.vti", LABELS)
        return folder / "a.vti", LABELS
    if kind == ".png":
        write_picture(folder / "a.png", LABELS[0].astype(np.uint8))
        return folder / "a.png", LABELS[0]
    values = (LABELS * 300).astype(np.uint16)
    pytest.importorskip("tifffile").imwrite(folder / f"a{kind}", values, photometric="minisblack")
    return folder / f"a{kind}", values


def vtk_file(path, values, name="label", centre="Cell"):
    """Image data written by VTK itself, cell by cell."""
    vtk = pytest.importorskip("vtkmodules.all")
    grid = vtk.vtkImageData()
    grid.SetDimensions(*(n + 1 for n in values.shape))
    array = vtk.vtkIntArray()
    array.SetName(name)
    array.SetNumberOfTuples(grid.GetNumberOfCells() if centre == "Cell" else grid.GetNumberOfPoints())
    array.Fill(0)
    for index in np.ndindex(*values.shape):
        cell = grid.ComputeCellId(index)
        array.SetValue(cell, int(values[index]))
    (grid.GetCellData() if centre == "Cell" else grid.GetPointData()).AddArray(array)
    writer = vtk.vtkXMLImageDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(grid)
    writer.Write()


@pytest.mark.parametrize("kind", READERS)
def test_image_comes_back_voxel_by_voxel(kind, tmp_path):
    path, expected = written(kind, tmp_path)
    found = read_image(path)
    assert found.shape == expected.shape
    assert np.array_equal(found, expected)
    assert np.array_equal(me.Cell(path).image, expected)


@pytest.mark.parametrize("kind", READERS)
def test_truncated_image_is_refused_or_complete(kind, tmp_path):
    path, expected = written(kind, tmp_path)
    content = path.read_bytes()
    refused = 0
    for share in (0.0, 0.02, 0.3, 0.6, 0.9):
        path.write_bytes(content[: int(share * len(content))])
        try:
            found = read_image(path)
        except CellError:
            refused += 1
        else:
            assert np.array_equal(found, expected)
    assert refused >= 4


def test_no_page_of_a_stack_is_lost_silently(tmp_path):
    """Pages are a chain through the file, so that a shorter file can look like a smaller stack."""
    path, values = tmp_path / "a.tif", LABELS.astype(np.uint8)
    first, *others = (pytest.importorskip("PIL.Image").fromarray(page) for page in values)
    first.save(path, save_all=True, append_images=others)
    content = path.read_bytes()
    assert np.array_equal(read_image(path), values)
    for length in range(1, len(content), 7):
        path.write_bytes(content[:length])
        try:
            found = read_image(path)
        except CellError:
            continue
        assert np.array_equal(found, values)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_grey_values_of_any_depth_are_kept(bits, tmp_path):
    values = np.random.default_rng(bits).integers(0, 2**bits, (7, 9)).astype(np.uint16 if bits == 16 else np.uint8)
    if bits == 1:
        write_picture(tmp_path / "a.png", values.astype(bool))
    else:
        write_picture(tmp_path / "a.png", values, **({"bits": bits} if bits < 8 else {}))
    assert np.array_equal(read_image(tmp_path / "a.png"), values)


@pytest.mark.parametrize("how", ["pages one by one", "pillow", "lzw", "imagej", "zlib"])
def test_stacks_of_pages(how, tmp_path):
    tifffile, pillow = pytest.importorskip("tifffile"), pytest.importorskip("PIL.Image")
    values, path = LABELS.astype(np.uint8), tmp_path / "a.tif"
    if how == "pages one by one":
        for page in values:
            tifffile.imwrite(path, page, append=path.exists())
    elif how in ("pillow", "lzw"):
        pages = [pillow.fromarray(page) for page in values]
        pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw" if how == "lzw" else None)
    else:
        options = {"imagej": True, "metadata": {"axes": "ZYX"}} if how == "imagej" else {"compression": "zlib"}
        tifffile.imwrite(path, values, photometric="minisblack", **options)
    assert np.array_equal(read_image(path), values)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_folder_of_slices_in_natural_order(suffix, tmp_path):
    values = np.random.default_rng(3).integers(0, 250, (12, 4, 5)).astype(np.uint8)
    for number, page in enumerate(values):
        write_picture(tmp_path / f"slice_{number}{suffix}", page)
    (tmp_path / "notes.txt").write_text("voxels of 2 micrometres")
    assert np.array_equal(read_image(tmp_path), values)
    write_picture(tmp_path / f"slice_12{suffix}", values[0][:3])
    with pytest.raises(CellError, match=r"slice_12.*shape \(3, 5\)"):
        read_image(tmp_path)


def test_choice_among_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", grains=LABELS, pores=LABELS > 5)
    assert np.array_equal(read_image(tmp_path / "a.npz", key="pores"), LABELS > 5)
    for key in (None, "grain"):
        with pytest.raises(CellError, match=r"'grains'.*'pores'"):
            read_image(tmp_path / "a.npz", key=key)


def test_vti_with_point_data_only(tmp_path):
    vtk_file(tmp_path / "a.vti", LABELS, "nodal", "Point")
    with pytest.raises(CellError, match="point data 'nodal'"):
        read_image(tmp_path / "a.vti")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("mode", ["RGB", "P", "LA"])
def test_colours_are_refused(suffix, mode, tmp_path):
    picture = pytest.importorskip("PIL.Image").fromarray(LABELS[0].astype(np.uint8)).convert(mode)
    if mode == "P":
        picture.putpalette([v for i in range(256) for v in (i, 255 - i, 7)])
    picture.save(tmp_path / f"a{suffix}")
    with pytest.raises(CellError, match="expected grey values"):
        read_image(tmp_path / f"a{suffix}")


@pytest.mark.parametrize(
    ("name", "words"), [("a.jpg", "suffix '.jpg'"), ("a", "suffix ''"), ("missing.npy", "does not exist"), (".", "no pictures")]
)
def test_no_image(name, words, tmp_path):
    with pytest.raises(CellError, match=words):
        read_image(tmp_path / name)


def test_pickles_are_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(CellError, match="cannot be read"):
        read_image(tmp_path / "a.npy")
