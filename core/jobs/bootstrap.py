"""The worker's first file, started by its path: `python -I bootstrap.py FOLDER` (stdlib only).

    bootstrap.py FOLDER       run the job in this folder
    bootstrap.py --service    answer short requests over stdin and stdout
    bootstrap.py --cli ARGS   the command line

It loads the package around it under the name `understudy`, whatever its folder is called, without a folder on the
path: inside Blender the package is one extension among others. Processes that multiprocessing spawns run this file
again under another name and so find the package, too.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST = (3, 11)


def load_package(root: Path) -> None:
    """Put the package at `root` into `sys.modules` as `understudy`."""
    spec = importlib.util.spec_from_file_location("understudy", root / "__init__.py",
                                                  submodule_search_locations=[str(root)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["understudy"] = module
    spec.loader.exec_module(module)


def main(arguments: list[str]) -> int:
    if not arguments:
        print("usage: bootstrap.py FOLDER | --service | --cli ARGS", file=sys.stderr)
        return 2
    # By name: as a file of its own this one has no package around it until `load_package` has run.
    if arguments[0] == "--cli":
        return import_module("understudy.core.cli").main(arguments[1:])
    if arguments[0] == "--service":
        return import_module("understudy.core.jobs.service").main()
    return import_module("understudy.core.jobs.worker").main(arguments[0])


if sys.version_info < OLDEST:
    sys.exit(f"Understudy's core needs Python {OLDEST[0]}.{OLDEST[1]} or newer; {sys.executable} is "
             f"{sys.version.split()[0]}. Choose another interpreter.")
load_package(ROOT)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
