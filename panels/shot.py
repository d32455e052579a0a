"""The shots of the scene, the strips of the active one, and what to do next."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import shot, stages, watch, whereabouts
from ..addon.board import GOING
from ..addon.language import told
from ..addon.text import wrapped
from ..addon.timing import timed_class
from ..operators.shot import move_problem
from .base import OfShot, Sidebar, draw_job
from .buttons import unless

_ROLES = {"a": "A", "b": "B"}
_step: tuple[tuple[Any, ...], str] = ((), "")  # of what, and the shot's next step
_states: dict[str, tuple[tuple[Any, ...], str]] = {}  # shot -> of what, and its icon: found again when that changes


def state_icon(one: Any) -> str:
    """How far a shot is, as an icon: looked up once for each new board."""
    board = watch.board()
    about = (board.version, one.strip_a_id, one.strip_b_id)
    if _states.get(one.uid, ((), ""))[0] != about:
        with shot.focused(one):
            views = {stage: stages.jobs_of(one.id_data, stage, board) for stage in stages.STAGES}
        statuses = {view.status for found in views.values() for view in found}
        if any(view.status == "paused" for found in views.values() for view in found):
            icon = "PAUSE"
        elif statuses & set(GOING):
            icon = "TIME"
        elif statuses & {"failed", "lost"}:
            icon = "ERROR"
        else:
            done = any(view.status == "finished" for view in views["convert"])
            icon = "CHECKMARK" if done else "LAYER_ACTIVE" if statuses else "LAYER_USED"
        _states[one.uid] = about, icon
    return _states[one.uid][1]


def _next_step(scene: Any, board: Any) -> str:
    """`stages.next_step`, found again when something has changed that it depends on: panels are drawn all the time."""
    global _step
    one, held = shot.active(scene), scene.understudy
    about = (board.version, bpy.data.filepath, scene.name, one.uid, one.strip_a_id, one.strip_b_id, one.lender,
             one.folder_b, one.model_dir, one.train.trainer, held.folder,
             *(shot.strip_in(one, role) is None for role in shot.ROLES))
    if _step[0] != about:
        _step = about, stages.next_step(scene, board)
    return _step[1]


@timed_class
class UNDERSTUDY_UL_shots(bpy.types.UIList):
    """Shots: how far each one is, and its name to type over."""

    def draw_item(self, context: Any, layout: Any, data: Any, one: Any, icon: int, active_data: Any,
                  active_property: str, index: int = 0, flt_flag: int = 0) -> None:
        layout.prop(one, "name", text="", emboss=False, icon=state_icon(one))


class UNDERSTUDY_MT_shots(bpy.types.Menu):
    """What else can be done with the list of shots."""

    bl_label = "Shot Specials"

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.operator("understudy.shot_duplicate", icon="DUPLICATE")
        layout.separator()
        layout.operator_context = "INVOKE_DEFAULT"
        layout.operator("understudy.settings_load", icon="IMPORT")
        layout.operator("understudy.settings_save", icon="EXPORT")


@timed_class
class UNDERSTUDY_PT_shot(Sidebar, bpy.types.Panel):
    bl_label = "Shot"

    def draw(self, context: Any) -> None:
        scene, board = shot.sequencer_scene(context), watch.board()
        layout, width = self.layout, context.region.width
        held = scene.understudy
        if not len(held.shots):
            wrapped(layout, "Select the strip that lends the face, then with Shift the one whose face is to be "
                            "replaced.", width, icon="INFO")
            row = layout.row()
            row.scale_y = 1.3
            row.operator("understudy.shot_add", icon="ADD")
            self._draw_demo(layout, scene, board, width)
            return
        self._draw_list(layout, held)
        self._draw_strips(layout, shot.active(scene))
        wrapped(layout, _next_step(scene, board), width, icon="INFO")
        if shot.work_folder_or_none(scene) is None:
            layout.operator("wm.save_as_mainfile", text="Save As …", icon="FILE_TICK")
        elif board.environment is not None and not board.environment.usable:
            layout.operator("understudy.preferences", icon="PREFERENCES")

    def _draw_demo(self, layout: Any, scene: Any, board: Any, width: int) -> None:
        """What a newcomer can do without footage."""
        view = board.latest("samples")
        if view is not None and view.going:
            draw_job(layout, view, width)
        elif next(shot.strips(scene), None) is None:
            wrapped(layout, "No footage yet? Try it on two sample clips.", width)
            layout.operator("understudy.load_demo", icon="PLAY")
            if not bpy.data.filepath:
                layout.operator("wm.save_as_mainfile", text="Save As …", icon="FILE_TICK")
            elif board.environment is not None and not board.environment.usable:
                layout.operator("understudy.preferences", icon="PREFERENCES")

    def _draw_list(self, layout: Any, held: Any) -> None:
        several = len(held.shots) > 1
        row = layout.row()
        row.template_list("UNDERSTUDY_UL_shots", "", held, "shots", held, "active_index", rows=5 if several else 3)
        buttons = row.column(align=True)
        buttons.operator("understudy.shot_add", text="", icon="ADD")
        buttons.operator("understudy.shot_remove", text="", icon="REMOVE")
        buttons.separator()
        buttons.menu("UNDERSTUDY_MT_shots", text="", icon="DOWNARROW_HLT")
        if several:
            buttons.separator()
            for direction in ("UP", "DOWN"):
                part = unless(buttons, move_problem(held.id_data, direction))
                part.operator("understudy.shot_move", text="", icon=f"TRIA_{direction}").direction = direction

    def _draw_strips(self, layout: Any, one: Any) -> None:
        column = layout.column()
        for role, label in _ROLES.items():
            split = column.split(factor=0.08)
            split.label(text=label)
            row = split.row(align=True)
            if role == "b":
                row.prop(one, "lender", text="", icon_only=True)
            if role == "b" and one.lender == "FOLDER":
                row.prop(one, "folder_b", text="")
                continue
            row.prop(one, f"strip_{role}", text="", icon="SEQUENCE")
            row.operator("understudy.pick_strip", text="", icon="EYEDROPPER").role = label


@timed_class
class UNDERSTUDY_PT_sources(OfShot, bpy.types.Panel):
    bl_label = "More Sources"
    bl_parent_id = "UNDERSTUDY_PT_shot"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        one = shot.active(shot.sequencer_scene(context))
        for role, label in _ROLES.items():
            sources = getattr(one, f"sources_{role}")
            header = self.layout.row()
            header.label(text=told(f"More faces of {label}"))
            header.operator("understudy.source_add", text="", icon="ADD", emboss=False).role = label
            column = self.layout.column(align=True)
            for index, source in enumerate(sources):
                row = column.row(align=True)
                row.prop(source, "kind", text="", icon_only=True)
                if source.kind == "STRIP":
                    row.prop(source, "strip", text="", icon="SEQUENCE")
                else:
                    row.prop(source, "folder", text="")
                button = row.operator("understudy.source_remove", text="", icon="X")
                button.role, button.index = label, index


@timed_class
class UNDERSTUDY_PT_places(OfShot, bpy.types.Panel):
    bl_label = "Folders"
    bl_parent_id = "UNDERSTUDY_PT_shot"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        scene = shot.sequencer_scene(context)
        layout = self.layout
        for label, held, name in (("Work Folder", scene.understudy, "folder"),
                                  ("Model Folder", shot.active(scene), "model_dir")):
            column = layout.column(align=True)
            column.label(text=label)
            column.prop(held, name, text="")
        folder = shot.work_folder_or_none(scene)
        if folder is not None and whereabouts.is_elsewhere(scene):
            wrapped(layout, f"This file was saved elsewhere before; its work folder is still {folder}",
                    context.region.width, icon="INFO")
            row = layout.row(align=True)
            row.operator("understudy.copy_work")
            row.operator("understudy.start_afresh")
        layout.operator("understudy.open_folder", icon="FILE_FOLDER")


CLASSES = (UNDERSTUDY_UL_shots, UNDERSTUDY_MT_shots, UNDERSTUDY_PT_shot, UNDERSTUDY_PT_sources, UNDERSTUDY_PT_places)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
