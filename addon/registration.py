"""What Blender gets when the extension is enabled, in order; taken back in the opposite order."""

from __future__ import annotations

from importlib import import_module

# Groups before what points to them, operators before the panels that show them, the timer last.
_MODULES = (
    "addon.properties", "addon.project", "addon.people", "addon.overlay.settings", "addon.preferences", "addon.service",
    "addon.views", "addon.live", "addon.compare", "addon.cleanup", "addon.statusbar", "addon.browser_settings",
    "addon.browser",
    "operators.shot", "operators.work_folder", "operators.settings", "operators.extract", "operators.train",
    "operators.convert",
    "operators.jobs", "operators.tools", "operators.paths", "operators.run_tool", "operators.persons",
    "operators.watching",
    "operators.training", "operators.cleanup", "operators.overnight", "operators.demo",
    "addon.correcting", "operators.correct", "operators.navigate",
    "addon.slices", "addon.clips", "addon.corrections", "addon.marker_edits", "addon.masks",
    "operators.landmarks_markers", "operators.landmarks_frame", "operators.landmarks_transform",
    "operators.landmarks_box", "operators.masks", "operators.faces", "operators.faces_edits",
    "addon.browser_cells", "operators.reset",
    "panels.settings", "panels.shot", "panels.extract", "panels.faces", "panels.masks", "panels.train",
    "panels.training", "panels.convert",
    "panels.overlay", "panels.landmarks", "panels.landmark_edits", "panels.tools", "panels.jobs",
    "operators.preview", "panels.preview", "addon.looked_over", "operators.look_over", "panels.look_over",
    "addon.overlay.views", "addon.overlay.drawing", "addon.keymap",
    "addon.language", "addon.cli", "addon.migration", "addon.scene_copies", "addon.whereabouts", "addon.watch",
)
_ROOT = __package__.rpartition(".")[0]


def register() -> None:
    done = []
    try:
        for name in _MODULES:
            module = import_module(f"{_ROOT}.{name}")
            module.register()
            done.append(module)
    except Exception:
        for module in reversed(done):
            module.unregister()
        raise


def unregister() -> None:
    for name in reversed(_MODULES):
        import_module(f"{_ROOT}.{name}").unregister()
