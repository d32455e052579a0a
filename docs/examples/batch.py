"""Convert every shot of a file that has a model, in all its scenes, and save the file with the results in it.

    blender -b film.blend --python-exit-code 1 --python docs/examples/batch.py

What is converted already is kept: run it again after a crash, or after one more night of training.
"""

import bpy


def convert_all():
    """Returns the names of the shots that were converted, and why the others were not."""
    converted, left = [], {}
    for scene in bpy.data.scenes:
        project = scene.understudy
        for index, shot in enumerate(project.shots):
            project.active_index = index  # operators are about the active shot of the scene
            with bpy.context.temp_override(scene=scene):
                if hasattr(bpy.context.workspace, "sequencer_scene"):  # since Blender 5.0
                    bpy.context.workspace.sequencer_scene = scene
                try:
                    bpy.ops.understudy.convert()
                    converted.append(shot.name)
                except RuntimeError as error:
                    left[shot.name] = str(error)
    bpy.ops.wm.save_mainfile()
    return converted, left


if __name__ == "__main__":
    done, left = convert_all()
    print("Converted:", ", ".join(done) or "none")
    for name, reason in left.items():
        print(f"{name}: {reason}")
