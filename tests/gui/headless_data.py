"""Runs under `blender -b`: writes what .blend files hold of Understudy as JSON, to compare them.

    blender -b --python headless_data.py -- OUTPUT.json BLEND …
"""

import json
import sys
from pathlib import Path

import bpy


def plain(value):
    if isinstance(value, bpy.types.bpy_prop_collection):
        return [plain(one) for one in value]
    if isinstance(value, bpy.types.PropertyGroup):
        return {one.identifier: plain(getattr(value, one.identifier)) for one in value.bl_rna.properties
                if one.identifier != "rna_type"}
    if isinstance(value, set):
        return sorted(value)
    return value if isinstance(value, (bool, int, float, str)) or value is None else list(value)


def held(blend):
    bpy.ops.wm.open_mainfile(filepath=blend)
    found = {"timeline markers": [marker.name for scene in bpy.data.scenes for marker in scene.timeline_markers]}
    for scene in bpy.data.scenes:
        editor = scene.sequence_editor
        strips = editor.strips if hasattr(editor, "strips") else editor.sequences if editor else ()
        found[scene.name] = {"shots": plain(scene.understudy), "strips": {
            strip.name: (strip.understudy_id, strip.understudy_overlay, strip.understudy_shot) for strip in strips}}
    return found


output, *blends = sys.argv[sys.argv.index("--") + 1:]
Path(output).write_text(json.dumps([held(blend) for blend in blends]))
