"""The command line `understudy`: its subcommands are the tasks, and what it prints is for people (or `--json`)."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from . import consent, logs
from .errors import UnderstudyError, UsageError
from .jobs.tasks import FAMILIES, TASKS, Task
from .options import make
from .options.arguments import HelpFormatter, add_options, given, missing
from .options.common import CommonOptions
from .options.toml import load

_log = logging.getLogger(__name__)

DESCRIPTION = """\
Understudy replaces a performer's face in footage.

The usual order of things, with the face of B lent to A:
  understudy extract a.mp4 --faces faces_a
  understudy extract b.mp4 --faces faces_b
  understudy train --input-a faces_a --input-b faces_b --model-dir model
  understudy convert a.mp4 --model-dir model --writer video --output swapped.mp4

Any command can be stopped with Ctrl-C; the same command again continues."""

EPILOG = "Exit codes: 0 done, 1 failed (one line says why and what to do), 2 wrong usage, 130 stopped by the person."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code (argparse's own exits, 0 for --help and 2 for usage, included)."""
    parser = build_parser()
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:2] == ["models", "--fit"]:  # how people ask for it
        words[1] = "fit"
    try:
        namespace = parser.parse_args(words)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    if not hasattr(namespace, "run"):
        parser.print_help()
        return 2
    try:
        return namespace.run(namespace)
    except UnderstudyError as error:
        print(f"understudy: {error}", file=sys.stderr)
        return error.exit_code


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="understudy", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=HelpFormatter)
    parser.add_argument("--version", action="version", version=f"understudy {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    families: dict[str, Any] = {}
    for task in TASKS.values():
        if task.command:
            family, _, word = task.name.rpartition(" ")
            place = _family(commands, families, family) if family else commands
            sub = _add_command(place, word, task.options.__doc__ or "", partial(_run_task, task))
            add_options(sub, task.options)
            add_options(sub, CommonOptions)
    doctor = _add_command(commands, "doctor", "Check this computer: Python, packages, devices, disk, folders.", _doctor)
    doctor.add_argument("--bundle", metavar="FILE", help="also write a zip file to attach when asking for help: "
                        "versions, findings, settings and logs of jobs as text, without footage, and without names of "
                        "people, files and folders")
    doctor.add_argument("--jobs", metavar="FOLDER", action="append", default=[],
                        help="with --bundle: a folder of jobs, such as the one beside a .blend; may be given again")
    add_options(doctor, CommonOptions)
    agree = _add_command(commands, "consent", "Agree, once, that the people in your footage have consented.", _consent)
    agree.add_argument("--yes", action="store_true", help="agree without being asked")
    return parser


def _version() -> str:
    from .. import __version__

    return __version__


def _add_command(commands: Any, name: str, doc: str, run: Callable[[argparse.Namespace], int]) -> Any:
    summary = doc.strip().split("\n")[0]
    sub = commands.add_parser(name, help=summary.rstrip("."), description=summary, formatter_class=HelpFormatter)
    sub.set_defaults(run=run)
    return sub


def _family(commands: Any, families: dict[str, Any], name: str) -> Any:
    """The place for the jobs of a family, made when it is first asked for."""
    if name not in families:
        parser = _add_command(commands, name, FAMILIES[name], lambda namespace: 2)
        families[name] = parser.add_subparsers(title="jobs", metavar="JOB", required=True)
    return families[name]


def _common(namespace: argparse.Namespace) -> CommonOptions:
    return make(CommonOptions, given(namespace, CommonOptions))


def _run_task(task: Task, namespace: argparse.Namespace) -> int:
    common = _common(namespace)
    commands = tuple(t.table for t in TASKS.values() if t.command)
    values: dict[str, Any] = load(common.config, task.table, task.options, commands) if common.config else {}
    values.update(given(namespace, task.options))
    options = make(task.options, values)
    lacking = missing(values, task.options)
    if lacking:
        raise UsageError(f"understudy {task.name} needs {', '.join(lacking)}", f"See understudy {task.name} --help")
    logfile = logs.set_up(common.loglevel, common.logfile)
    if task.consent(options):
        _ask_consent()
    return _follow(task, options, common, logfile)


def _follow(task: Task, options: Any, common: CommonOptions, logfile: Path | None) -> int:
    from .jobs.console import ConsoleReporter, ErrorReporter, JsonReporter
    from .jobs.run import execute

    kind = ErrorReporter if _is_beside(options) else JsonReporter if common.json else ConsoleReporter
    with kind(task.name) as reporter:
        _log.debug("%s %s", task.name, options)
        return execute(task, options, reporter, log=f"the log file {logfile}" if logfile else "the lines above")


def _is_beside(options: Any) -> bool:
    """Whether torchrun started this process as another than the first, which speaks for all."""
    return getattr(options, "distributed", False) and os.environ.get("RANK", "0") != "0"


def _ask_consent() -> None:
    if consent.given():
        return
    if sys.stdin is None or not sys.stdin.isatty():
        consent.require()
    print(consent.QUESTION)
    print("Is that so? [yes/no] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):  # "" where Ctrl-D ends it
        raise UsageError("Understudy does nothing without consent", "Ask the people in the footage first")
    consent.give()


def _consent(namespace: argparse.Namespace) -> int:
    if namespace.yes:
        consent.give()
    else:
        _ask_consent()
    print("Agreed.")
    return 0


def _doctor(namespace: argparse.Namespace) -> int:
    from . import doctor

    common = _common(namespace)
    logs.set_up(common.loglevel, common.logfile)
    report = doctor.examine()
    print(json.dumps(report.to_dict(), indent=1) if common.json else report.to_text())
    if namespace.bundle:
        from . import bundle

        written = bundle.write(Path(namespace.bundle), report, [Path(place) for place in namespace.jobs])
        print(f"The bundle {namespace.bundle} holds {len(written)} texts. Look through it before you pass it on.",
              file=sys.stderr)
    return 0 if report.healthy else 1
