"""Runs inside Blender's window: faces over a grid clip at zooms and transforms, over an actor, and in the Clip Editor.

The pictures are compared with what was drawn by `test_overlay_window.py`; here is only done what a person does.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import traceback
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))
from acting import (
    CLIPS,
    HOME,
    PACKAGE,
    PYTHON,
    area_of,
    module,
    new_shot,
    operator,
    picture,
    play,
    report,
    strips_of,
    the_scene,
    wait_for,
)
from effort import counting

BIG = os.environ.get("UNDERSTUDY_GUI_BIG", "")  # a large store to take the place of the grid's
GREEN = (0.0, 1.0, 0.0)
TRANSFORMS = {
    "plain": {},
    "turned": {"rotation": 0.35, "scale_x": 0.8, "scale_y": 0.8, "offset_x": 40.0, "offset_y": -25.0},
    "cropped": {"crop": (120, 60, 40, 25), "scale_x": 1.3, "scale_y": 0.7},
    "all": {"rotation": -0.5, "scale_x": 1.2, "scale_y": 0.9, "offset_x": -30.0, "offset_y": 20.0,
            "origin": (0.2, 0.7), "crop": (10, 60, 20, 25), "flip_x": True},
}


class _Tee(io.StringIO):
    """Standard error, which tells of failed callbacks, kept for the report as well."""

    def write(self, text):
        sys.__stderr__.write(text)
        return super().write(text)


sys.stderr = sys.stdout = printed = _Tee()


def settled(key, frame):
    """Yields: until the view is there; where it never is, what the reader is at."""
    try:
        yield from wait_for(lambda: ready(key, frame), 30)
    except TimeoutError:
        reader = views().reader
        report["stuck"] = [str(reader._wanted), [str(request) for request in reader._answers],
                           ["".join(traceback.format_stack(one)) for one in sys._current_frames().values()]]
        raise
    yield 0.5


def views():
    return module("addon.overlay.views")


def preview():
    """The area whose preview is widest, and that region."""
    window = bpy.context.window_manager.windows[0]
    areas = [a for a in window.screen.areas if a.type == "SEQUENCE_EDITOR" and a.spaces.active.view_type == "PREVIEW"]
    area = max(areas, key=lambda a: a.width)
    return area, next(r for r in area.regions if r.type == "PREVIEW")


def run(area, region, name, **options):
    window = bpy.context.window_manager.windows[0]
    with bpy.context.temp_override(window=window, area=area, region=region):
        group, verb = name.split(".")
        getattr(getattr(bpy.ops, group), verb)(**options)


def pair(name, region, overlay):
    """A picture without the overlay and one with it, and where in them the region is."""
    for show in (False, True):
        overlay.show = show
        yield 0.8
        picture(f"{name}_{'overlay' if show else 'plain'}")
    window = bpy.context.window_manager.windows[0]
    report["pairs"][name] = [region.x, window.height - region.y - region.height, region.width, region.height]


def transform(strip, values):
    place = strip.transform
    place.rotation, place.offset_x, place.offset_y, place.scale_x, place.scale_y = 0.0, 0.0, 0.0, 1.0, 1.0
    place.origin, strip.use_flip_x = (0.5, 0.5), values.get("flip_x", False)
    crop = values.get("crop", (0, 0, 0, 0))
    strip.crop.min_x, strip.crop.max_x, strip.crop.min_y, strip.crop.max_y = crop
    for name, value in values.items():
        if hasattr(place, name):
            setattr(place, name, value)


def only_dots(overlay, on):
    for name in ("boxes", "features", "crops", "numbers", "people"):
        setattr(overlay, name, not on)


def ready(key, frame, faces=1):
    """Whether the view is there with the faces of a frame."""
    view = views().current(key)
    report["view"] = [str(view.target.problem), str(view.request), str(view.shown)] if view is not None else None
    return view is not None and view.frame == frame and view.shown is not None and len(view.shown.faces) == faces \
        and view.shapes is not None


def registration(scene, overlay, strip):
    """Yields: pairs of pictures of the grid, with all transforms and zooms."""
    ours = bpy.context.preferences.addons[PACKAGE].preferences
    ours.overlay_colours.machine = GREEN
    only_dots(overlay, True)
    area, region = preview()
    area.spaces.active.show_gizmo = False
    area.spaces.active.preview_overlay.show_cursor = False
    for name, values in TRANSFORMS.items():
        transform(strip, values)
        run(area, region, "sequencer.view_all_preview")
        yield 0.5
        yield from pair(f"grid_{name}_fit", region, overlay)
    for ratio in (0.5, 2.0):
        run(area, region, "sequencer.view_zoom_ratio", ratio=ratio)
        yield 0.5
        run(area, region, "view2d.pan", deltax=37, deltay=-21)
        yield 0.5
        yield from pair(f"grid_all_{ratio}", region, overlay)
    yield from proxies(area, region, strip, overlay)
    scene.render.pixel_aspect_x = 1.5
    transform(strip, TRANSFORMS["turned"])
    run(area, region, "sequencer.view_all_preview")
    yield 0.5
    yield from pair("grid_wide_pixels", region, overlay)
    scene.render.pixel_aspect_x = 1.0
    transform(strip, {})
    run(area, region, "sequencer.view_all_preview")


def proxies(area, region, strip, overlay):
    """Yields: pairs of pictures of the grid as proxies of all sizes, and of none that are missing."""
    strip.use_proxy, strip.select, space = True, True, area.spaces.active
    for percent in (25, 50, 75, 100):
        setattr(strip.proxy, f"build_{percent}", True)
    timeline = area_of("SEQUENCE_EDITOR")[1]
    window = next(r for r in timeline.regions if r.type == "WINDOW")
    fits = module("addon.overlay.proxies")
    transform(strip, {})
    run(area, region, "sequencer.view_all_preview")
    space.proxy_render_size = "PROXY_50"
    yield 0.5
    yield from pair("grid_smaller", region, overlay)  # without a proxy, Blender scales the film itself
    run(timeline, window, "sequencer.rebuild_proxy")
    for percent in (25, 50, 75, 100):
        space.proxy_render_size = f"PROXY_{percent}"
        yield 0.5
        yield from wait_for(lambda: fits.rendering(space, strip, (640, 360)).is_proxy, 60)
        report.setdefault("proxies", {})[percent] = fits.rendering(space, strip, (640, 360)).registration.tolist()
        yield from pair(f"grid_proxy_{percent}", region, overlay)
    space.proxy_render_size = "PROXY_50"
    transform(strip, TRANSFORMS["all"])
    yield 0.5
    yield from pair("grid_proxy_50_all", region, overlay)
    space.proxy_render_size, strip.use_proxy = "SCENE", False


def clip_editor(scene, overlay):
    """Yields: the grid in a Clip Editor at three zooms; the preview's area becomes one for a while."""
    area, _ = preview()
    clip = bpy.data.movieclips.load(str(CLIPS[0]))
    window = bpy.context.window_manager.windows[0]
    window.scene.frame_current = 20
    area.type = "CLIP_EDITOR"
    yield 1.0
    space = area.spaces.active
    space.clip = clip
    space.show_region_ui = True
    yield 0.7
    region = next(r for r in area.regions if r.type == "WINDOW")
    ui = next(r for r in area.regions if r.type == "UI")
    ui.active_panel_category = "Understudy"
    key = ("clip", window.scene.name, clip.name)
    yield from settled(key, 20)
    picture("clip_editor")
    data = module("addon.overlay.settings").of(window.scene)
    data.show, data.threshold = True, 1.0
    bpy.context.preferences.addons[PACKAGE].preferences.overlay_colours.machine = GREEN
    only_dots(data, True)
    yield from settled(key, 20)
    space.show_region_ui = False
    yield 0.5
    for ratio in (1.0, 0.5, 2.0):
        run(area, region, "clip.view_all")
        run(area, region, "clip.view_zoom_ratio", ratio=ratio)
        yield 0.5
        yield from pair(f"clip_{ratio}", region, data)
    only_dots(data, False)
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "PREVIEW"
    yield 1.0


def jumps(scene):
    """Yields: what the buttons do, over the actor's strip."""
    data, went = module("addon.overlay.settings").of(scene), {}
    for kind in ("FACES", "NONE", "SEVERAL", "MISALIGNED", "EDITED"):
        data.kind = kind
        scene.frame_current = 46
        yield 0.3
        for direction in ("NEXT", "LAST", "PREVIOUS", "FIRST"):
            operator("understudy.jump_frame", direction=direction)
            yield 0.2
            went.setdefault(kind, []).append(scene.frame_current)
    data.kind = "ANY"
    report["jumps"] = went


def figures():
    return {name: (f.kind, f.calls, f.longest, f.longest_cpu, f.total_cpu)
            for name, f in module("addon.timing").callbacks.items() if f.calls}


def redrawn(scene, frames):
    """Yields: redraws at so many frames."""
    area, _ = preview()
    timeline = area_of("SEQUENCE_EDITOR")[1]
    for n in range(frames):
        scene.frame_current = 2 + n % 35
        for region in (*area.regions, *timeline.regions):
            region.tag_redraw()
        yield 0.1


def measured(scene, name, frames):
    """Yields: redraws at many frames; what our callbacks took, and did."""
    yield from redrawn(scene, 6)  # shaders, fonts and caches
    module("addon.timing").reset()
    yield from redrawn(scene, frames)
    report["figures"][name] = figures()
    with counting() as lines:
        yield from redrawn(scene, 35)
    report["lines"][name] = lines


def open_everything():
    """Have all our panels open: one that was drawn closed would stay so."""
    names = [name for name in module("addon.registration")._MODULES if name.startswith("panels.")]
    classes = [cls for name in names for cls in getattr(module(name), "CLASSES", ())]
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
    for cls in classes:
        if issubclass(cls, bpy.types.Panel):
            cls.bl_options = set(getattr(cls, "bl_options", ())) - {"DEFAULT_CLOSED"}
        bpy.utils.register_class(cls)


def story():
    open_everything()
    try:
        yield from whole()
    finally:
        report["printed"] = printed.getvalue()


def whole():
    report["pairs"], report["figures"], report["lines"] = {}, {}, {}
    yield from new_shot()
    scene = the_scene()
    scene.view_settings.view_transform = "Standard"
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "overlay.blend"))
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    strips = sorted(strips_of(scene), key=lambda s: s.channel * 1000 + module("addon.strips").strip_range(s)[0])
    for role, strip in zip("ab", strips, strict=True):
        module("addon.shot").choose(scene, role, strip)
    module("addon.watch").hurry()
    overlay = module("addon.overlay.settings").of(scene)
    key = ("strip", scene.name)
    scene.frame_current = 20
    yield from wait_for(lambda: ready(key, 20), 120)
    overlay.threshold = 1.0  # a grid is no face
    yield 1.0
    yield from registration(scene, overlay, strips[0])
    only_dots(overlay, False)
    scene.frame_current = 60
    overlay.threshold = 0.1
    yield from settled(key, 60)
    report["round_dots"] = module("addon.overlay.shaders")._discs() is not None
    colours = bpy.context.preferences.addons[PACKAGE].preferences.overlay_colours
    colours.machine = module("addon.overlay.settings").COLOURS["machine"][1]
    yield from wait_for(lambda: views().table(views().current(key)) is not None, 20)
    yield from settled(key, 60)
    picture("actor")
    overlay.masks, overlay.scores = True, True
    yield from settled(key, 60)
    picture("actor_mask")
    module("addon.correcting").state(bpy.context).face = views().current(key).shown.faces[0].uuid
    views().settings_changed()
    yield from settled(key, 60)
    picture("actor_selected")
    yield from jumps(scene)
    overlay.masks = False
    yield from clip_editor(scene, overlay)
    yield from measured(scene, "small", 60)
    if BIG:
        big = Path(BIG)
        store = HOME / "grid_alignments.db"
        shutil.copy(big, store.with_suffix(".partial"))
        os.replace(store.with_suffix(".partial"), store)
        scene.frame_current = 20
        yield from wait_for(lambda: (t := views().table(views().current(key))) is not None and len(t.frames) > 1000, 60)
        report["faces"] = int(views().table(views().current(key)).counts.sum())
        yield 2.0
        yield from measured(scene, "big", 60)
        picture("big")


play(story())
