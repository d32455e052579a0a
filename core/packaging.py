"""Build the extension's zip without Blender (stdlib only): `python -m understudy.core.packaging FOLDER|OUT.zip`.

It reads the patterns of `blender_manifest.toml`, so `blender --command extension build` makes the same archive.
"""

from __future__ import annotations

import os
import sys
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .errors import OutputError, writing

ROOT = Path(__file__).resolve().parents[1]


def manifest(root: Path = ROOT) -> dict[str, Any]:
    """The parsed `blender_manifest.toml`."""
    return tomllib.loads((root / "blender_manifest.toml").read_text(encoding="utf-8"))


def excluded(path: str, patterns: Sequence[str]) -> bool:
    """Whether a manifest pattern leaves `path` out.

    Args:
        path: relative, forward slashes, with a trailing slash for a folder.
        patterns: the part of the gitignore language that the manifest uses: a leading slash anchors at the root, a
            trailing one matches folders only, `*` and `?` match within a name.
    """
    name = path.rstrip("/").rsplit("/", 1)[-1]
    for pattern in patterns:
        if pattern.endswith("/") and not path.endswith("/"):
            continue
        wanted = pattern.strip("/")
        anchored = "/" in pattern.rstrip("/")
        if fnmatchcase(path.rstrip("/") if anchored else name, wanted) and (
                not anchored or wanted.count("/") == path.rstrip("/").count("/")):
            return True
    return False


def files(root: Path = ROOT) -> Iterator[str]:
    """The files of the archive, relative to `root`, in a fixed order."""
    patterns = manifest(root)["build"]["paths_exclude_pattern"]
    for folder, folders, names in os.walk(root):
        base = Path(folder).relative_to(root).as_posix()
        prefix = "" if base == "." else base + "/"
        folders[:] = sorted(f for f in folders if not excluded(f"{prefix}{f}/", patterns))
        yield from sorted(prefix + n for n in names if not excluded(prefix + n, patterns))


def build(zip_path: Path | str, root: Path = ROOT) -> Path:
    """Write the extension's zip, beside its place first and then renamed; returns its path.

    Raises:
        OutputError: if the place cannot be written.
    """
    target = Path(zip_path)
    temporary = target.with_name(target.name + ".tmp")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                for name in files(root):
                    # A fixed date: the same tree always gives the same bytes.
                    info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
                    info.compress_type = zipfile.ZIP_DEFLATED
                    info.external_attr = 0o644 << 16
                    archive.writestr(info, (root / name).read_bytes())
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    return target


def main(argv: Sequence[str]) -> int:
    data = manifest()
    target = Path(argv[0]) if argv else Path()
    if target.suffix.lower() != ".zip":
        target /= f"{data['id']}-{data['version']}.zip"
    try:
        print(f"Wrote {build(target)}")
    except OutputError as error:
        print(f"understudy: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
