"""The job `alignments undo`: the last change to the faces, by hand or by a job, is taken back."""

from __future__ import annotations

from typing import Any

from ..jobs.messages import Reporter
from ..options.alignments import UndoOptions
from .stores import Plan, back_up, opened


def run(options: UndoOptions, reporter: Reporter) -> dict[str, Any]:
    """Go to another revision of the alignments' history.

    Returns:
        {"from_revision", "revision" (now, or on a dry run to be), "faces" (that changed), "backup", "dry_run", "lines"
        (dry run: what would be done)}.

    Raises:
        AlignmentsError: the alignments cannot be used, or the history does not reach that far.
        UsageError, OutputError: as `stores.opened` says.
    """
    plan = Plan(options.dry_run)
    with opened(options, write=not plan.dry) as store:
        here = store.revision
        goal = max(0, here - 1) if options.revision < 0 else options.revision
        plan.say(f"go from revision {here} to {goal}")
        backup, faces = "", 0
        if goal != here and not plan.dry:
            backup = back_up(store)
            faces = len(store.go_to(goal))
    return plan.result(from_revision=here, revision=goal, faces=faces, backup=backup)
