"""What our operators share: errors become reports, a grey button says why, the board is looked up once."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import shot, watch
from ..addon.board import Board, JobView
from ..core.errors import UnderstudyError


def scene_and_board(context: Any) -> tuple[Any, Board]:
    """The sequencer's scene and what is known of its jobs; under `-b` the disk is asked first."""
    return shot.sequencer_scene(context), watch.look() if bpy.app.background else watch.board()


def refused(cls: Any, reason: str) -> bool:
    """Whether a poll has a reason to refuse; the grey button then says it."""
    if reason:
        cls.poll_message_set(reason)
    return bool(reason)


class Operator:
    """Mix-in: subclasses write `run`, which may raise any `UnderstudyError`."""

    bl_options = {"REGISTER"}

    def execute(self, context: Any) -> set[str]:
        try:
            return self.run(context) or {"FINISHED"}
        except UnderstudyError as error:
            self.report({"ERROR"}, str(error))  # type: ignore[attr-defined]
            return {"CANCELLED"}

    def run(self, context: Any) -> set[str] | None:
        raise NotImplementedError


class JobOperator(Operator):
    """Mix-in for operators on one job, given by its folder's name."""

    bl_options = {"INTERNAL"}

    job: bpy.props.StringProperty(name="Job", description="Name of the job's folder",  # type: ignore[valid-type]
                                  options={"SKIP_SAVE"})

    def run(self, context: Any) -> set[str] | None:
        board = watch.look() if bpy.app.background else watch.board()
        view = board.job(self.job)
        if view is None:
            raise UnderstudyError(f"There is no job {self.job}", "It may have been removed")
        self.act(view)
        watch.hurry()
        return None

    def act(self, view: JobView) -> None:
        raise NotImplementedError
