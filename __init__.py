"""Understudy: face replacement for footage in Blender's sequencer.

The repository root is both the Blender extension and the package `understudy`. Nothing of Blender is imported until
Blender calls `register`, and nothing of the core's heavy libraries ever is on Blender's side.
"""

__version__ = "0.1.0"


def register() -> None:
    from .addon import registration

    registration.register()


def unregister() -> None:
    from .addon import registration

    registration.unregister()
