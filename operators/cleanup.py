"""Clean Up: measure what is on the disk, and delete what was marked."""

from __future__ import annotations

from typing import Any

import bpy

from ..addon import cleaning, cleanup, service, watch
from ..addon.language import told
from ..addon.timing import timed_class
from ..core.errors import UsageError
from ..core.models.files import in_words
from .base import NOTHING, Operator, refused


@timed_class
class UNDERSTUDY_OT_measure(Operator, bpy.types.Operator):
    """Look at what Understudy has on the disk: faces, backups, snapshots, results and caches, and how large each is"""

    bl_idname = "understudy.measure"
    bl_label = "Measure"
    undo = NOTHING

    def run(self, context: Any) -> None:
        if bpy.app.background:
            for item in cleanup.look_now().space.items:  # type: ignore[union-attr]
                print(f"{cleaning.KINDS[item.kind]}\t{in_words(item.size)}\t{item.path}\t{item.used}")
            return
        watch.keeper.measure(cleanup.wanted())
        watch.hurry()


@timed_class
class UNDERSTUDY_OT_delete_marked(Operator, bpy.types.Operator):
    """Delete what is marked; what a job or the timeline uses stays"""

    bl_idname = "understudy.delete_marked"
    bl_label = "Delete Marked"
    undo = "Deleted files cannot be brought back"

    paths: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Paths", description="For scripts: what to delete, separated by line breaks, rather than what is marked",
        options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        data = context.window_manager.understudy_cleanup
        if bpy.app.background or any(row.marked and not row.used for row in data.rows):
            return True
        return not refused(cls, "Mark something in the list first")

    def invoke(self, context: Any, event: Any) -> set[str]:
        chosen = self._chosen(context)
        size = in_words(sum(item.size for item in chosen))
        items = "1 item" if len(chosen) == 1 else f"{len(chosen)} items"
        message = " ".join(map(told, (f"{self.undo}.", *cleaning.consequences(chosen))))
        return context.window_manager.invoke_confirm(self, event, title=told(f"Delete {items} ({size})?"),
                                                     message=message, confirm_text="Delete", icon="WARNING")

    def run(self, context: Any) -> None:
        chosen = self._chosen(context)
        if not chosen:
            raise UsageError("Nothing is marked that may go", "Press Measure, and mark something in the list")
        # The service reads the core's environment and writes a log: it gives way until the next question.
        if bpy.app.background:
            service.close()
            count, freed = cleaning.delete(chosen, watch.keeper.busy_paths())
            print(f"Deleted {count}: {in_words(freed)} are free again")
            cleanup.look_now()
            return
        watch.keeper.later(service.close)
        watch.keeper.delete(chosen, cleanup.wanted())
        watch.hurry()

    def _chosen(self, context: Any) -> list[cleaning.Item]:
        board = cleanup.look_now() if bpy.app.background else watch.board()
        if self.paths:
            wanted = set(self.paths.splitlines())
            return [item for item in (board.space.items if board.space else ()) if item.path in wanted]
        return cleanup.marked(context.window_manager.understudy_cleanup, board)


CLASSES = (UNDERSTUDY_OT_measure, UNDERSTUDY_OT_delete_marked)
register, unregister = bpy.utils.register_classes_factory(CLASSES)
