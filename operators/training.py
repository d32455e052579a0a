"""What surrounds a training: its pictures kept, its table exported, its backups and snapshots brought back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import bpy

from ..addon import pictures, properties, shot, stages, tools, watch
from ..addon.language import told
from ..addon.models import CopyView, ModelView
from ..addon.printer import Printer
from ..addon.timing import timed_class
from ..core.errors import ModelError, UnderstudyError, writing
from ..core.models.state import LOSS_NAME, PREVIEW_NAME, read_state
from ..core.training.watching import requests, session_rows
from .base import NOTHING, Operator, refused, scene_and_board
from .watching import model_folder

_RESTORE = properties.TOOLS["restore"]


@timed_class
class UNDERSTUDY_OT_training_graph(Operator, bpy.types.Operator):
    """Show the losses of the training in an Image Editor, as its last save has drawn them"""

    bl_idname = "understudy.training_graph"
    bl_label = "Loss Graph"
    undo = NOTHING

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, _no_model(context))

    def run(self, context: Any) -> None:
        pictures.show(model_folder(context) / LOSS_NAME)


@timed_class
class UNDERSTUDY_OT_pictures_refresh(Operator, bpy.types.Operator):
    """Read all previews and graphs that are shown anew; a running training makes new ones first"""

    bl_idname = "understudy.pictures_refresh"
    bl_label = "Refresh Now"
    undo = NOTHING

    def run(self, context: Any) -> None:
        scene, board = scene_and_board(context)
        if any(view.status == "running" for view in stages.jobs_of(scene, "train", board)):
            requests.ask(model_folder(context), "refresh")
        pictures.refresh(board, asked=True)
        if not bpy.app.background:
            watch.hurry()


class _SavesFile:
    """Mix-in: asks where to put a file."""

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="File", description="The file to write", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})  # type: ignore[valid-type]
    ending = ""

    def invoke(self, context: Any, event: Any) -> set[str]:
        try:
            self.filepath = self.proposed(context)
        except UnderstudyError as error:
            self.tell({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.filter_glob = f"*{self.ending}"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def proposed(self, context: Any) -> str:
        raise NotImplementedError

    def target(self) -> Path:
        if not self.filepath:
            raise UnderstudyError("No file is named", "Choose where to put it")
        path = Path(bpy.path.abspath(self.filepath))
        return path if path.suffix.lower() == self.ending else path.with_name(path.name + self.ending)


@timed_class
class UNDERSTUDY_OT_picture_save(_SavesFile, Operator, bpy.types.Operator):
    """Save a copy of the picture that the Image Editor shows, or else of the training's preview"""

    bl_idname = "understudy.picture_save"
    bl_label = "Save Copy"
    bl_options = {"REGISTER"}
    undo = "The file stays until you delete it"
    ending = ".png"

    picture: bpy.props.StringProperty(options={"HIDDEN", "SKIP_SAVE"})  # type: ignore[valid-type]

    def proposed(self, context: Any) -> str:
        image = getattr(context.space_data, "image", None)
        source = pictures.path_of(image) if pictures.is_ours(image) else model_folder(context) / PREVIEW_NAME
        self.picture = str(source)
        folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
        return str(folder / f"{source.parent.name}_{source.name}")

    def run(self, context: Any) -> None:
        source = Path(self.picture) if self.picture else model_folder(context) / PREVIEW_NAME
        if not source.is_file():
            raise UnderstudyError(f"{source} is not there yet", "Previews and graphs come with the first save")
        with writing(self.target()):
            shutil.copyfile(source, self.target())
        self.tell({"INFO"}, f"Saved {self.target()}")


@timed_class
class UNDERSTUDY_OT_sessions_csv(_SavesFile, Operator, bpy.types.Operator):
    """Save the table of sessions as comma-separated values: start, end, elapsed time, batch, iterations, EG/s"""

    bl_idname = "understudy.sessions_csv"
    bl_label = "Save Table"
    bl_options = {"REGISTER"}
    undo = "The file stays until you delete it"
    ending = ".csv"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return not refused(cls, _no_model(context))

    def proposed(self, context: Any) -> str:
        folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path.home()
        return str(folder / f"{model_folder(context).name}_sessions.csv")

    def run(self, context: Any) -> None:
        table = session_rows.as_csv(session_rows.rows(read_state(model_folder(context)).sessions))
        with writing(self.target()):
            self.target().write_text(table, encoding="utf-8")
        self.tell({"INFO"}, f"Saved {self.target()}")


@timed_class
class UNDERSTUDY_OT_restore_copy(Operator, bpy.types.Operator):
    """Make the model what this copy is"""

    bl_idname = "understudy.restore_copy"
    bl_label = "Restore"
    undo = "What the model is now is archived beside it first; Ctrl-Z does not bring that back"

    kind: bpy.props.EnumProperty(name="Kind", description="Which copy", items=(  # type: ignore[valid-type]
        ("backup", "Backup", "The save with the lowest loss before the present one"),
        ("snapshot", "Snapshot", "A copy that was kept at some number of iterations")))
    iterations: bpy.props.IntProperty(  # type: ignore[valid-type]
        name="Iterations", description="Which snapshot", options={"SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene, board = scene_and_board(context)
        reason = _no_model(context)
        for view in (*stages.jobs_of(scene, "train", board), board.latest("restore")):
            if view is not None and view.going and not reason:
                reason = f"{view.label} is under way: it uses the model"
        return not refused(cls, reason)

    def invoke(self, context: Any, event: Any) -> set[str]:
        model = model_of(context)
        now = f" ({model.iterations:,} iterations)" if model is not None else ""
        what = "the backup" if self.kind == "backup" else f"the snapshot of {self.iterations:,} iterations"
        return context.window_manager.invoke_confirm(
            self, event, title=told(f"Restore {what}?"), confirm_text=told("Restore"), icon="QUESTION",
            message=told(f"What the model is now{now} is archived beside it first. Ctrl-Z does not bring it back, "
                         "but the archive stays."))

    def run(self, context: Any) -> set[str] | None:
        scene, board = scene_and_board(context)
        reason = tools.problem(scene, _RESTORE, "a", board)
        if reason:
            raise ModelError(reason)
        chosen = {"backup": self.kind == "backup", "list": False,
                  "snapshot": self.iterations if self.kind == "snapshot" else 0}
        planned = tools.plan(scene, _RESTORE, "a", **chosen, model_dir=str(model_folder(context)))
        if not bpy.app.background:
            tools.queue(scene, planned)
            watch.hurry()
            return None
        status, result = stages.run_in(tools.jobs_folder(scene, _RESTORE), scene, [planned], Printer())
        print(result.get("text", ""), flush=True)
        return {"FINISHED"} if status == "finished" else {"CANCELLED"}


@timed_class
class UNDERSTUDY_OT_copy_preview(Operator, bpy.types.Operator):
    """Show the preview that was kept with this copy in an Image Editor"""

    bl_idname = "understudy.copy_preview"
    bl_label = "Preview"
    bl_options = {"INTERNAL"}
    undo = NOTHING

    picture: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Picture", description="The picture's file", options={"SKIP_SAVE"})

    def run(self, context: Any) -> None:
        pictures.show(Path(self.picture))


def model_of(context: Any) -> ModelView | None:
    """What is known of the model that the panels are about; no disk is touched."""
    try:
        return watch.board().models.get(str(shot.model_folder(shot.sequencer_scene(context))))
    except UnderstudyError:
        return None


def restorable(model: ModelView) -> list[CopyView]:
    """The backup and the snapshots, the latest first."""
    return [copy for copy in model.copies if copy.kind in ("backup", "snapshot")]


def _no_model(context: Any) -> str:
    scene, board = scene_and_board(context)
    try:
        return tools.no_model(scene, board)
    except UnderstudyError as error:
        return str(error)


CLASSES = (UNDERSTUDY_OT_training_graph, UNDERSTUDY_OT_pictures_refresh, UNDERSTUDY_OT_picture_save,
           UNDERSTUDY_OT_sessions_csv, UNDERSTUDY_OT_restore_copy, UNDERSTUDY_OT_copy_preview)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
