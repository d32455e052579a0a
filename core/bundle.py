"""`understudy doctor --bundle FILE.zip`: a report to attach when asking for help.

It holds text only, from a fixed list of files: what the doctor finds, which versions run, the settings, and the newest
jobs with their options and logs. No picture, film, face, landmark or weight can get in. Before anything is written,
names are taken out: the home folder becomes ~, folders of programs <understudy> and <python>, footage and models
<source 1>.mp4 or <folder 2>, persons <person 1>, the computer and its user <host> and <user>. The same name has the
same number everywhere, so that the report still makes sense.
"""

from __future__ import annotations

import getpass
import io
import json
import os
import platform
import re
import socket
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from . import environment, folders
from .doctor import Report
from .errors import OutputError, writing
from .jobs.tasks import TASKS
from .media.listing import IMAGE_SUFFIXES
from .models.files import write_atomically
from .options import options_of

_JOB_FILES = ("job.json", "state.json", "events.jsonl", "log.txt")
_SETTINGS = (".toml", ".json")
_MOST_JOBS = 12
_TAIL = 200_000  # bytes of each file, from its end
_LEAST_NAME = 3  # letters: shorter ones are words as well
_PERSONS = re.compile(r"^(persons|filter_names|name|new_name)(_[ab])?$")
# Words that stand in every report, whoever is asking.
_COMMON = frozenset({"model", "models", "faces", "frames", "converted", "jobs", "output", "video", "images", "shot",
                     "data", "cache", "config", "logs", "home", "users", "user", "root", "temp", "mnt", "media", "work",
                     "tmp", "understudy", "python", "alignments", "source", "clip", "film", "face", "frame", "folder",
                     "picture", "person", "host", "here"})


def write(target: Path, report: Report, jobs: Sequence[Path] = ()) -> list[str]:
    """Write the bundle, in place of one of the same name; returns the names of the files in it.

    Args:
        target: the zip file.
        report: what the doctor found.
        jobs: folders of jobs (those beside a .blend) besides the person's own.

    Raises:
        OutputError: it cannot be written, or something else has that name.
    """
    target = target.expanduser().absolute()
    if target.suffix.lower() != ".zip":
        target = target.with_name(f"{target.name}.zip")
    if target.is_dir() or (target.exists() and not zipfile.is_zipfile(target)):
        raise OutputError(f"{target} is there and is no bundle", "Choose another name")
    found = list(_collected(report, jobs))
    names = Names.of(text for name, text in found if name.endswith("job.json"))
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in found:
            bundle.writestr(name, names.hidden(text))
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, memory.getvalue())
    return [name for name, _ in found]


def _collected(report: Report, jobs: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Name and text of everything that goes in, as it stands on this computer."""
    yield "README.txt", ("Made by `understudy doctor --bundle`. Text only; names of people, files and folders are "
                         "replaced.\nLook through it before you pass it on.\n")
    yield "doctor.txt", report.to_text() + "\n"
    yield "doctor.json", json.dumps(report.to_dict(), indent=1)
    yield "versions.json", json.dumps(_versions(), indent=1)
    for place in sorted(_files(folders.user_config(), _SETTINGS)):
        yield f"settings/{place.name}", _tail(place)
    logs = folders.user_logs()
    for place in sorted(_files(logs, (".log",))):
        yield f"logs/{place.name}", _tail(place)
    for number, job in enumerate(_newest_jobs((folders.user_data() / "jobs", *jobs)), 1):
        for name in _JOB_FILES:
            if (job / name).is_file() and not (job / name).is_symlink():
                yield f"jobs/{number:02d}/{name}", _tail(job / name)


def _versions() -> dict[str, Any]:
    from .. import __version__

    state = environment.check(sys.executable)
    return {"understudy": __version__, "python": platform.python_version(), "system": platform.platform(),
            "machine": platform.machine(), "packages": dict(sorted(state.packages.items()))}


def _files(folder: Path, suffixes: Sequence[str]) -> Iterator[Path]:
    """The folder's own files of these kinds; not those of folders in it."""
    try:
        for place in folder.iterdir():
            if place.suffix.lower() in suffixes and place.is_file() and not place.is_symlink():
                yield place
    except OSError:
        return


def _newest_jobs(places: Iterable[Path]) -> list[Path]:
    """Job folders in these places, the newest first."""
    found = []
    for place in places:
        try:
            found += [(job.stat().st_mtime, job) for job in Path(place).expanduser().iterdir()
                      if (job / "job.json").is_file()]
        except OSError:
            continue  # none there
    return [job for _, job in sorted(found, key=lambda one: (-one[0], str(one[1])))][:_MOST_JOBS]


def _tail(place: Path) -> str:
    """A file's last lines; what is no text is told to be none."""
    try:
        with open(place, "rb") as file:
            file.seek(max(0, place.stat().st_size - _TAIL))
            data = file.read()
    except OSError as error:
        return f"(cannot be read: {error.strerror})"
    return "(no text)" if b"\0" in data else data.decode("utf-8", "replace")


# --- taking names out ---------------------------------------------------------------------------------------------


@dataclass
class Names:
    """What is replaced by what, the longest first."""

    _known: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, specs: Iterable[str]) -> Names:
        """Of this computer, and of the jobs whose job.json are given as text."""
        names = cls()
        for place, word in ((Path(__file__).parents[1], "<understudy>"), (Path(sys.prefix), "<python>"),
                            (folders.user_data(), "<data>"), (folders.user_cache(), "<cache>"),
                            (folders.user_config(), "<config>"),
                            (Path.home(), "~"), (Path(tempfile.gettempdir()), "<temp>"), (Path.cwd(), "<here>")):
            if len(str(place)) > 1:
                names._add(str(place), word)
        for spec in specs:
            names._learn(spec)
        for word, replacement in ((_user(), "<user>"), (socket.gethostname(), "<host>")):
            if len(word) >= _LEAST_NAME and word.lower() not in _COMMON:
                names._add(word, replacement)
        return names

    def hidden(self, text: str) -> str:
        """The text without the names."""
        for name in sorted(self._known, key=lambda one: (-len(one), one)):
            written = {name, json.dumps(name)[1:-1], name.replace("\\", "/")}
            pattern = "|".join(re.escape(one) for one in sorted(written, key=len, reverse=True))
            if not re.search(r"[/\\]", name):  # a word: not inside another
                pattern = rf"(?<![^\W_])(?:{pattern})(?![^\W_])"
            text = re.sub(pattern, self._known[name].replace("\\", r"\\"), text)
        return text

    def _add(self, name: str, word: str) -> None:
        self._known.setdefault(name, word)

    def _learn(self, text: str) -> None:
        """The names in a job's options."""
        try:
            spec = json.loads(text)
            options, task = dict(spec["options"]), TASKS.get(spec.get("task", ""))
        except (ValueError, KeyError, TypeError):
            return
        known = {one.name: one.declaration for one in options_of(task.options)} if task is not None else {}
        for key, value in options.items():
            for one in value if isinstance(value, list) else [value]:
                if not isinstance(one, str) or not one:
                    continue
                person, sign, folder = one.partition("=")
                if key in known and known[key].named and sign:
                    self._person(person)
                    self._path(folder)
                elif _PERSONS.match(key):
                    self._person(one)
                elif (key in known and known[key].kind != "value") or re.search(r"[/\\]", one):
                    self._path(one)
        for label in (spec.get("tag") or {}).values():
            if isinstance(label, str) and re.search(r"[/\\]", label):
                self._path(label)

    def _person(self, name: str) -> None:
        if name.strip():
            self._add(name.strip(), self._numbered("person", name.strip()))

    def _path(self, text: str) -> None:
        """A path and all folders above it; the names of its parts, too, since messages hold those alone."""
        path = PureWindowsPath(text) if re.match(r"^[A-Za-z]:[\\/]|^\\\\", text) else PurePosixPath(text)
        suffix = path.suffix if 1 < len(path.suffix) <= 6 else ""
        kind = "picture" if suffix.lower() in IMAGE_SUFFIXES else "source" if suffix else "folder"
        word = self._numbered(kind, str(path)) + suffix
        self._add(str(path), word)
        self._add_word(path.name, word)
        self._add_word(path.stem, word.removesuffix(suffix))
        for parent in path.parents:
            if len(parent.parts) > 1:
                folder = self._numbered("folder", str(parent))
                self._add(str(parent), folder)
                self._add_word(parent.name, folder)

    def _add_word(self, name: str, word: str) -> None:
        if len(name) >= _LEAST_NAME and name.lower() not in _COMMON and not name.isdigit():
            self._add(name, word)

    def _numbered(self, kind: str, name: str) -> str:
        """The word for a name: the one that it has, or the next of its kind."""
        if name in self._known:
            known = self._known[name]
            return re.sub(r"(>)\.\w+$", r"\1", known)
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"<{kind} {self._counts[kind]}>"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return os.environ.get("USERNAME", "")
