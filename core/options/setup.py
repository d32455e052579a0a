"""Options of the set-up task, which builds the core's own Python environment."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option


@dataclass(frozen=True)
class SetupOptions:
    """Build the Python environment in which the core works."""

    python: str = option("", label="Python", help="Python 3.11, 3.12 or 3.13 to build from; empty: one that is found",
                         kind="file")
    environment: str = option("", label="Environment", help="Folder of the environment; empty: in the user's data "
                              "folder", kind="folder", advanced=True)
    requirements: str = option("", label="Requirements", help="The list of packages; empty: Understudy's own",
                               kind="file", advanced=True)
    wheels: str = option("", label="Wheels", help="Folder with all packages as wheels, for a computer without "
                         "internet; empty: they are downloaded", kind="folder")
    online: bool = option(True, label="Online", help="Packages may be downloaded", per_shot=False)
    rebuild: bool = option(False, label="Rebuild", help="Delete an environment that is there and build it anew",
                           advanced=True)
