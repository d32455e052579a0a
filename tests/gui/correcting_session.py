"""Runs inside Blender's window: landmarks corrected with the mouse, as markers, by a box and by keys; then undone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from acting import (
    CLIPS,
    HOME,
    PACKAGE,
    PYTHON,
    board,
    module,
    new_shot,
    picture,
    play,
    report,
    the_scene,
    wait_for,
)

STORE = Path(os.environ["UNDERSTUDY_GUI_STORE"])
FRAMES = 100


def window():
    return bpy.context.window_manager.windows[0]


def area_with(kind, region_kind):
    areas = [a for a in window().screen.areas if a.type == kind and any(r.type == region_kind and r.width > 1
                                                                        for r in a.regions)]
    area = max(areas, key=lambda a: a.width * a.height)
    return area, next(r for r in area.regions if r.type == region_kind)


def press(area, region, name, **options):
    """A button or key of ours, with the mouse over a region."""
    with bpy.context.temp_override(window=window(), area=area, region=region):
        return getattr(bpy.ops.understudy, name)("INVOKE_DEFAULT", **options)


def mouse(*commands):
    subprocess.run(["xdotool", *map(str, commands)], check=True)


def go(region, point):
    """The mouse to a point of a region."""
    mouse("mousemove", round(region.x + point[0]), round(window().height - 1 - (region.y + point[1])))


def drag(region, start, end):
    """Yields: the left button down, moved in steps, up."""
    go(region, start)
    yield 0.3
    mouse("mousedown", 1)
    yield 0.3
    for share in (0.1, 0.4, 0.7, 1.0):
        go(region, np.asarray(start) + (np.asarray(end) - start) * share)
        yield 0.15
    mouse("mouseup", 1)
    yield 0.3


def faces(frame):
    with module("core.faces.store").AlignmentsStore.readonly(STORE) as store:
        return store.faces(frame)


def on_screen(area, region, strip, points):
    """Where points of the frame are in a region."""
    canvas = module("addon.pointing").Canvas(area, region, strip.id_data.name, strip.name, strip.understudy_id,
                                             (640, 360))
    return module("core.faces.geometry").transform(np.asarray(points), canvas.matrix())


def figures():
    return {name: (f.kind, f.calls, f.longest, f.longest_cpu, f.total)
            for name, f in module("addon.timing").callbacks.items() if f.calls}


def marker(clip, landmark, frame):
    return clip.tracking.objects["Anna"].tracks[f"lm_{landmark:02d}"].markers.find_frame(frame)


def with_markers(scene, strip, timeline):
    """Yields: all frames become markers, one is dragged, applied, undone and applied again."""
    area, region = timeline
    assert press(area, region, "markers_make", extent="RANGE") == {"FINISHED"}
    yield from wait_for(lambda: any(c.understudy.record for c in bpy.data.movieclips), 30)
    yield 1.0
    clip = next(iter(bpy.data.movieclips))
    area, region = area_with("CLIP_EDITOR", "WINDOW")
    area.spaces.active.show_region_ui = True
    yield 0.5
    next(r for r in area.regions if r.type == "UI").active_panel_category = "Understudy"
    with bpy.context.temp_override(window=window(), area=area, region=region):
        bpy.ops.clip.view_all()
    yield 1.0
    picture("markers")
    before = faces(19)[0].landmarks.copy()
    at = on_screen(area, region, strip, before[[30]])[0]
    with bpy.context.temp_override(window=window(), area=area, region=region):
        bpy.ops.clip.select_all(action="DESELECT")
    yield from drag(region, at, at + np.array((40, 25)))
    report["keyed"] = bool(marker(clip, 30, 20).is_keyed)
    report["others_keyed"] = sum(bool(marker(clip, n, 20).is_keyed) for n in range(68) if n != 30)
    yield 0.6
    report["unsaved"] = module("addon.correcting").unsaved(bpy.context)
    picture("markers_moved")
    press(area, region, "markers_apply")
    yield from wait_for(lambda: faces(19)[0].state == "edited", 20)
    yield 0.5
    after = faces(19)[0].landmarks
    scale = 360 / np.ptp(on_screen(area, region, strip, [(0, 0), (0, 360)])[:, 1])
    report["moved"] = [n for n in range(68) if not np.array_equal(before[n], after[n])]
    report["by"] = ((after[30] - before[30]) / scale).tolist()
    report["backups"] = len(list(STORE.parent.glob(f"{STORE.stem}_backup_*")))
    go(region, at)
    yield 0.3
    mouse("key", "ctrl+z")
    yield from wait_for(lambda: faces(19)[0].state == "machine", 10)
    report["undone"] = bool(np.array_equal(faces(19)[0].landmarks, before))
    report["still_moved"] = bool(marker(next(iter(bpy.data.movieclips)), 30, 20).is_keyed)
    mouse("key", "ctrl+shift+z")
    yield from wait_for(lambda: faces(19)[0].state == "edited", 10)
    report["redone"] = bool(np.array_equal(faces(19)[0].landmarks, after))


def many(scene):
    """Yields: 100 frames of corrections applied in slices; how long it took, and how long each turn."""
    clip = next(iter(bpy.data.movieclips))
    tracked = clip.tracking.objects["Anna"]
    for number in range(68):
        markers = tracked.tracks[f"lm_{number:02d}"].markers
        co = np.empty(len(markers) * 2, np.float32)
        markers.foreach_get("co", co)
        markers.foreach_set("co", co + np.float32(0.004))
        markers.foreach_set("is_keyed", np.ones(len(markers), bool))
    area, region = area_with("CLIP_EDITOR", "WINDOW")
    begun = time.monotonic()
    press(area, region, "markers_apply")
    report["apply_call"] = time.monotonic() - begun
    yield 0.02
    while module("addon.slices").is_busy():
        yield 0.005
    report["apply_seconds"] = time.monotonic() - begun
    report["applied"] = sum(faces(frame)[0].state == "edited" for frame in range(FRAMES))
    yield 1.0


def with_the_mouse(scene, strip, preview):
    """Yields: a box for a second face, and landmarks moved by a typed number, in the sequencer's preview."""
    area, region = preview
    corners = on_screen(area, region, strip, [(420, 60), (560, 220)])
    press(area, region, "face_box")
    yield 0.3
    go(region, corners[0])
    yield 0.2
    mouse("mousedown", 1)
    yield 0.2
    go(region, (corners[0] + corners[1]) / 2)
    yield 0.2
    go(region, corners[1])
    yield 0.3
    picture("box_dragged")
    begun = time.monotonic()
    mouse("mouseup", 1)
    yield from wait_for(lambda: len(faces(19)) == 2, 60)
    report["first_box_seconds"] = time.monotonic() - begun
    yield 0.5
    new = faces(19)[1]
    report["box"] = list(new.box)
    press(area, region, "face_box", box=new.box, face=new.uuid)  # the aligner is warm now
    begun = time.monotonic()
    yield from wait_for(lambda: faces(19)[1].revision != new.revision, 30)
    report["box_seconds"] = time.monotonic() - begun
    yield 0.5
    before = faces(19)[0].landmarks.copy()
    middle = on_screen(area, region, strip, before.mean(0)[None])[0]
    go(region, middle)
    yield 0.2
    press(area, region, "landmarks_move", face="0")
    yield 0.2
    go(region, middle + np.array((20, 30)))
    yield 0.3
    picture("landmarks_dragged")
    for key in ("y", "minus", "1", "2"):
        mouse("key", key)
        yield 0.1
    mouse("key", "Return")
    yield 0.5
    report["typed"] = (faces(19)[0].landmarks - before).mean(0).tolist()
    press(area, region, "landmarks_rotate", face="0")
    yield 0.2
    mouse("key", "Escape")
    yield 0.3
    report["cancelled"] = bool(np.allclose(faces(19)[0].landmarks - before, report["typed"], atol=1e-3))
    mouse("key", "shift+c")
    yield from wait_for(lambda: np.allclose(faces(19)[0].landmarks, faces(18)[0].landmarks), 10)
    report["copied_by_key"] = True
    mouse("key", "alt+x")  # the chosen face: the one that the box made
    yield from wait_for(lambda: len(faces(19)) == 1, 10)
    press(area, region, "edit_landmarks")
    mouse("key", "shift+v")
    yield 1.0
    report["only_looked_at"] = bool(np.allclose(faces(19)[0].landmarks, faces(18)[0].landmarks))
    press(area, region, "edit_landmarks")


def masks(area, timeline):
    """Yields: the panel with a new mask."""
    area.type = "CLIP_EDITOR"
    yield 0.7
    press(*timeline, "mask_new_subtract")
    yield 1.0
    report["mask_mode"] = area.spaces.active.mode
    picture("masks")


def story():
    yield from new_shot(frames=FRAMES)
    scene = the_scene()
    window().scene.render.fps = 25
    bpy.ops.wm.save_as_mainfile(filepath=str(HOME / "correcting.blend"))
    bpy.context.preferences.addons[PACKAGE].preferences.python = PYTHON
    data = scene.understudy.active
    data.strip_a, data.strip_b = (clip.stem for clip in CLIPS)
    scene.frame_end = FRAMES
    strip = module("addon.shot").strip_of(scene, "a")
    window().scene.frame_set(20)
    scene.frame_set(20)
    yield from wait_for(lambda: board().sources.get(str(CLIPS[0])) == "", 60)
    yield 1.0
    area, _ = area_with("SEQUENCE_EDITOR", "PREVIEW")
    timeline = area_with("SEQUENCE_EDITOR", "WINDOW")
    press(*timeline, "edit_landmarks")
    area.type = "CLIP_EDITOR"
    yield 1.0
    module("addon.timing").reset()
    yield from with_markers(scene, strip, timeline)
    yield from many(scene)
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "PREVIEW"
    yield 1.0
    if shutil.which("xdotool"):
        scene = the_scene()  # undo has made others of Blender's objects
        yield from with_the_mouse(scene, module("addon.shot").strip_of(scene, "a"),
                                  area_with("SEQUENCE_EDITOR", "PREVIEW"))
    yield from masks(area, timeline)
    report["callbacks"] = figures()


play(story())
