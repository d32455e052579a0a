"""What our panels share: their place, the options of a stage, the rows of a job."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import bpy

from ..addon import properties, shot, stages, tools, watch, weights
from ..addon.board import GOING, JobView
from ..addon.language import CONTEXT, told
from ..addon.text import wrapped
from ..core.jobs.tasks import TASKS
from ..core.options import Option, options_of
from ..core.weights import needs
from ..core.weights.rows import find
from . import settings
from .buttons import unless

NO_SHOT = "Add a shot first, in the panel Shot."
SECTIONS_CLOSED = True  # how the sections of advanced options begin
BOX = 12  # pixels that a box's frame takes from a panel's width


# The stages from top to bottom, whatever order their modules are registered in; sub-panels keep theirs.
ORDER = ("shot", "extract", "faces", "landmarks", "persons", "masks", "train", "convert", "live", "look_over", "tools",
         "jobs")
LAST = 100  # Advanced comes after all other sub-panels


class Sidebar:
    """Mix-in: a panel in the sequencer's sidebar, tab Understudy."""

    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_translation_context = CONTEXT
    bl_category = "Understudy"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = cls.__name__.removeprefix("UNDERSTUDY_PT_")
        if name in ORDER:
            cls.bl_order = ORDER.index(name)  # type: ignore[attr-defined]

    @classmethod
    def poll(cls, context: Any) -> bool:
        return shot.sequencer_scene(context) is not None


class OfShot(Sidebar):
    """Mix-in: a panel that says nothing without a shot."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        scene = shot.sequencer_scene(context)
        return scene is not None and bool(len(scene.understudy.shots))


class StagePanel(Sidebar):
    """Mix-in: jobs, button and main options of a stage."""

    stage = ""

    def draw_header_preset(self, context: Any) -> None:
        layout = self.layout  # type: ignore[attr-defined]
        icon = stage_icon(shot.sequencer_scene(context), self.stage)
        if icon:
            layout.label(text="", icon=icon)
        settings.draw_header(layout, self.stage)

    def draw(self, context: Any) -> None:
        scene, board = shot.sequencer_scene(context), watch.board()
        layout = self.layout  # type: ignore[attr-defined]
        if not len(scene.understudy.shots):
            wrapped(layout, NO_SHOT, context.region.width, icon="INFO")
            return
        views = stages.jobs_of(scene, self.stage, board)
        shown = [view for view in views if view.going or view.status != "finished"] or views
        if not any(view.going for view in shown):
            self.draw_button(layout)
        for view in shown:
            draw_job(layout, view, context.region.width)
        draw_weights(layout, scene, self.stage, context.region.width)
        self.draw_before_options(layout, scene, context.region.width)
        draw_options(layout, scene, self.stage, advanced=False)

    def draw_before_options(self, layout: Any, scene: Any, width: int) -> None:
        """What a stage shows above its options."""

    def draw_button(self, layout: Any) -> None:
        row = layout.row()
        row.scale_y = 1.3
        row.operator(f"understudy.{self.stage}")


class AdvancedPanel(OfShot):
    """Mix-in: the options of a stage that few people need."""

    stage = ""
    bl_label = "Advanced"
    bl_options = {"DEFAULT_CLOSED"}
    bl_order = LAST

    def draw(self, context: Any) -> None:
        draw_options(self.layout, shot.sequencer_scene(context), self.stage, advanced=True)  # type: ignore


def stage_icon(scene: Any, stage: str) -> str:
    """The state of a stage as an icon in its header; "" before it ever ran."""
    statuses = {view.status for view in stages.jobs_of(scene, stage, watch.board())}
    if statuses & {"failed", "lost"}:
        return "ERROR"
    if statuses & set(GOING):
        return "PAUSE" if "paused" in statuses else "TIME"
    return "CHECKMARK" if statuses == {"finished"} else ""


def has_options(task: str, advanced: bool) -> bool:
    """Whether a panel shows any options of a task, of the usual or the advanced ones."""
    return any(properties.shown(option) and option.declaration.advanced == advanced
               for option in options_of(TASKS[task].options))


class _Row(NamedTuple):
    """How an option is drawn: its property, whether as toggles below each other, or with a button that adds paths."""

    option: Option
    name: str
    several: bool
    paths: bool
    conditional: bool


@cache
def _sections(task: str, advanced: bool) -> dict[str, list[_Row]]:
    """The options that panels show of a task, the usual or the advanced ones, by group in the order of all groups."""
    shown = [option for option in options_of(TASKS[task].options) if properties.shown(option)]
    sections: dict[str, list[_Row]] = {option.declaration.group: [] for option in shown}
    for option in shown:
        declared = option.declaration
        if declared.advanced == advanced:
            sections[declared.group].append(_Row(
                option, properties.rna_name(option), option.many and bool(declared.choices),
                properties.is_list_of_paths(option), bool(declared.trainers or declared.only_with)))
    return sections


def draw_options(layout: Any, scene: Any, task: str, advanced: bool) -> None:
    """A task's options: the usual ones a column for each group, the advanced ones a section that folds for each."""
    layout.use_property_split = True
    layout.use_property_decorate = False
    group = properties.settings(scene, task)
    sections = {heading: [row for row in found if not row.conditional or properties.is_meant(row.option, group)]
                for heading, found in _sections(task, advanced).items()}
    sections = {heading: found for heading, found in sections.items() if found}
    for heading, found in sections.items():
        if advanced and len(sections) > 1:
            head, column = layout.panel(f"understudy_{task}_{heading}", default_closed=SECTIONS_CLOSED)
            head.label(text=heading, text_ctxt=CONTEXT)
        else:
            column = layout.column()
        for row in found if column is not None else ():
            _draw_option(column, group, row, task)


def draw_reset(layout: Any, panel: str) -> None:
    """The button in a panel's header that gives its settings their defaults."""
    layout.operator(f"understudy.{panel}_reset", text="", icon="LOOP_BACK", emboss=False)


def split_column(layout: Any) -> Any:
    """A column for properties of our own that stand above a task's options, in line with those."""
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    return column


def _draw_option(column: Any, group: Any, row: _Row, task: str) -> None:
    if not row.paths:
        column.prop(group, row.name, expand=row.several)
        return
    beside = column.row(align=True)
    beside.prop(group, row.name)
    button = beside.operator("understudy.add_paths", text="", icon="FILEBROWSER")
    button.task, button.option = task, row.option.name


def draw_tool_button(layout: Any, scene: Any, name: str, text: str = "", icon: str = "NONE") -> str:
    """The button of a tool for the chosen strip, grey where it cannot run; returns why not, which its tooltip says."""
    task, role = TASKS[name], shot.active(scene).tool_role
    reason = tools.problem(scene, task, role, watch.board())
    button = unless(layout, reason).operator("understudy.run_tool", text=text or task.label, icon=icon)
    button.tool, button.role = name, "CHOSEN"
    return reason


def draw_side(layout: Any, scene: Any) -> None:
    """Which side the tools are about, and, where it has several, which of its strips."""
    data = shot.active(scene)
    layout.row().prop(data, "tool_role", expand=True)
    if len(getattr(data, f"sources_{data.tool_role}")) and len(shot.strips_of(scene, data.tool_role)) > 1:
        layout.prop(data, "tool_strip", text="")


def tool_strip_called(scene: Any) -> str:
    """What the strip that the tools are about is called in a sentence."""
    role, strip = shot.active(scene).tool_role, shot.tool_strip(scene)
    return shot.called(scene, role, strip) if strip is not None else role.upper()


def draw_weights(layout: Any, scene: Any, task: str, width: int) -> None:
    """Which weights the task lacks, and the button that fetches them."""
    if not needs.choosers(TASKS[task].options):
        return
    board = watch.board()
    options = TASKS[task].options
    values = properties.values_of(properties.settings(scene, task), task, needs.deciding(options))
    lacking = weights.lacking(options, values, board)
    view = board.latest("weights fetch")
    if view is not None and view.going:
        draw_job(layout, view, width)
    elif lacking:
        box = layout.box()
        wrapped(box, f"Weights are not here yet: {', '.join(lacking)}", width - BOX, icon="IMPORT")
        to_fetch = [name for name in lacking if not find(name).is_own]
        if to_fetch:
            box.operator("understudy.fetch_weights").names = properties.SEPARATOR.join(to_fetch)
        if len(to_fetch) < len(lacking):
            wrapped(box, "Bring a file of your own: Import Weights, under Tools.", width - BOX)
        elif not bpy.app.online_access:
            wrapped(box, "Online access is off: turn it on in Preferences > System, or download the file elsewhere and "
                         "import it: Import Weights, under Tools.", width - BOX, icon="INTERNET_OFFLINE")


def draw_job(layout: Any, view: JobView, width: int) -> None:
    """One job: what it is doing, how far it is, time left, and what can be done about it."""
    box = layout.box().column()
    if view.going:
        _draw_going(box, view, width)
    else:
        _draw_ended(box, view, width)
    if view.warning and view.status != "finished":
        wrapped(box, view.warning, width - BOX, icon="INFO")


def _draw_going(box: Any, view: JobView, width: int) -> None:
    wrapped(box, f"{view.label}: {view.doing}", width - BOX)
    if view.status != "waiting":
        parts = [f"{view.factor:.0%}" if view.factor else "", view.left]
        box.progress(factor=view.factor, type="BAR", text=" · ".join(told(p) for p in parts if p))
    figures = " · ".join(told(figure) for figure in (view.count, view.pace) if figure)
    if figures:
        wrapped(box, figures, width - BOX)
    row = box.row(align=True)
    if view.status == "paused":
        row.operator("understudy.job_resume", icon="PLAY").job = view.name
    elif view.status == "running":
        row.operator("understudy.job_pause", icon="PAUSE").job = view.name
    if view.status != "stopping":
        row.operator("understudy.job_stop", icon="X").job = view.name
    _draw_files(row, view)


def _draw_ended(box: Any, view: JobView, width: int) -> None:
    failed = view.status in ("failed", "lost")
    icon = {"finished": "CHECKMARK", "failed": "ERROR", "lost": "ERROR"}.get(view.status, "INFO")
    text = view.error if view.status == "failed" and view.error else view.doing
    wrapped(box, f"{view.label}: {text}", width - BOX, icon=icon, alert=failed)
    row = box.row(align=True)
    if view.status != "finished":
        again = "Try Again" if view.status == "failed" else "Resume"
        row.operator("understudy.job_restart", text=again, icon="FILE_REFRESH").job = view.name
    _draw_files(row, view)
    row.operator("understudy.job_remove", text="", icon="TRASH").job = view.name


def _draw_files(row: Any, view: JobView) -> None:
    if view.preview:
        row.operator("understudy.job_preview", text="", icon="IMAGE_DATA").job = view.name
    if view.status == "finished" and view.task != "setup":
        row.operator("understudy.job_folder", icon="FILE_FOLDER").job = view.name
    if view.status != "waiting":
        row.operator("understudy.job_log", text="", icon="TEXT").job = view.name
