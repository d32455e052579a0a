"""The job `alignments rename`: pictures get the names back that extract gave them."""

from __future__ import annotations

from typing import Any

from ..jobs.messages import Reporter
from ..options.alignments import RenameOptions
from .naming import restore_names
from .pictures import faces_folder, scan
from .stores import Plan


def run(options: RenameOptions, reporter: Reporter) -> dict[str, Any]:
    """Rename the pictures of a faces folder by their headers.

    Returns:
        {"pictures" (looked at), "renamed" (or, on a dry run, to be), "dry_run", "text" (dry run: what would be done)}.

    Raises:
        FacesError: no faces folder.
        OutputError: it cannot be written.
    """
    folder = faces_folder(options.faces)
    pictures = scan(folder, reporter)
    plan = Plan(options.dry_run)
    renamed = restore_names(folder, pictures, options.flatten, plan, reporter)
    return plan.result(pictures=len(pictures), renamed=renamed)
