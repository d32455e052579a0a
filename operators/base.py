"""What our operators share: errors become reports, a grey button says why, the board is looked up once."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import shot, watch
from ..addon.board import Board, JobView
from ..addon.language import CONTEXT, told
from ..core.errors import UnderstudyError


def scene_and_board(context: Any) -> tuple[Any, Board]:
    """The sequencer's scene and what is known of its jobs; under `-b` the disk is asked first."""
    return shot.sequencer_scene(context), watch.look() if bpy.app.background else watch.board()


def refused(cls: Any, reason: str) -> bool:
    """Whether a poll has a reason to refuse; the grey button then says it."""
    if reason:
        cls.poll_message_set(told(reason))
    return bool(reason)


def why(text: str, reason: str) -> str:
    """A tooltip that depends on the button, ended with why that is grey."""
    return f"{text}. {reason}" if reason else text


# The kinds of `Operator.undo` that need no sentence.
TAKEN_BACK = "Ctrl-Z takes it back"  # "UNDO" is in bl_options: all that changes is the .blend's data
NOTHING = "It changes nothing"  # it looks at something, opens it, or steers what goes on


class Operator:
    """Mix-in: subclasses write `run`, which may raise any `UnderstudyError`.

    Every operator either has Blender's undo or says beforehand that it cannot be undone; a test looks at each. One
    with "UNDO" in `bl_options` has it. Every other one sets `undo`:

        undo = NOTHING                                       a preview, a log, a folder, a pause
        undo = "Ctrl-Z does not take the pictures back"      a sentence, which its tooltip then ends with
        undo, asks = "The files cannot be brought back", True    the same, and a dialog asks with it before it acts
    """

    bl_options = {"REGISTER"}
    bl_translation_context = CONTEXT
    undo = ""
    asks = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__doc__ and "bl_idname" in cls.__dict__:
            cls.__doc__ = " ".join(cls.__doc__.split())  # it is the tooltip
        if "UNDO" in cls.bl_options:
            cls.undo = TAKEN_BACK
        elif cls.undo not in ("", NOTHING, TAKEN_BACK):
            _say_so(cls)
        _describe(cls)

    def tell(self, level: set[str], message: str) -> None:
        """Report a message in the person's language."""
        self.report(level, told(message))  # type: ignore[attr-defined]

    def invoke(self, context: Any, event: Any) -> set[str]:
        if self.asks and not bpy.app.background:
            return context.window_manager.invoke_confirm(
                self, event, title=told(self.bl_label), message=told(self.undo),  # type: ignore[attr-defined]
                confirm_text=told(self.bl_label),  # type: ignore[attr-defined]
                icon="WARNING")
        return self.execute(context)

    def execute(self, context: Any) -> set[str]:
        try:
            return self.run(context) or {"FINISHED"}
        except UnderstudyError as error:
            self.tell({"ERROR"}, str(error))
            return {"CANCELLED"}

    def run(self, context: Any) -> set[str] | None:
        raise NotImplementedError


def _say_so(cls: Any) -> None:
    """End the tooltip with what cannot be undone."""
    if cls.__doc__ and "bl_idname" in cls.__dict__ and cls.undo not in cls.__doc__:
        cls.__doc__ = f"{cls.__doc__.strip().rstrip('.')}. {cls.undo}"


def _describe(cls: Any) -> None:
    """Have a tooltip that depends on the button in the person's language, ended with what cannot be undone."""
    described = cls.__dict__.get("description")
    if described is not None:
        def description(operator: Any, context: Any, given: Any) -> str:
            text = described.__func__(operator, context, given).rstrip(".")
            return told(text if operator.undo in ("", NOTHING, TAKEN_BACK) else f"{text}. {operator.undo}")

        cls.description = classmethod(description)


class JobOperator(Operator):
    """Mix-in for operators on one job, given by its folder's name."""

    bl_options = {"INTERNAL"}
    undo = NOTHING

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
