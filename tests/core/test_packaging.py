"""The extension's zip, as `make extension` writes it: into a folder that a fresh clone does not have yet."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from understudy.core import packaging


@pytest.mark.parametrize("there", [False, True], ids=["fresh", "again"])
def test_it_goes_into_a_folder_by_its_name_and_version(there: bool, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "build"
    if there:
        folder.mkdir()
    data = packaging.manifest()
    assert packaging.main([str(folder)]) == 0
    path = folder / f"{data['id']}-{data['version']}.zip"
    assert [found.name for found in folder.iterdir()] == [path.name]
    assert str(path) in capsys.readouterr().out
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert {"blender_manifest.toml", "__init__.py", "core/errors.py"} <= set(names)
    assert not [name for name in names if name.startswith(("build", "tests", ".", "docs/pictures"))]


def test_a_name_that_ends_in_zip_is_the_file(tmp_path: Path) -> None:
    assert packaging.main([str(tmp_path / "mine.zip")]) == 0
    assert zipfile.is_zipfile(tmp_path / "mine.zip")
