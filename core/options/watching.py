"""Options of what a training shows of itself (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .field import option


def _timelapse(side: str) -> Any:
    return option("", label=f"Time-lapse {side}", help=f"Faces folder of side {side} whose first 14 faces the "
                  "time-lapse shows; empty: the faces that are trained on", kind="folder", group="Time-lapse",
                  advanced=True)


@dataclass(frozen=True)
class WatchingOptions:
    """What is shown while it trains."""

    write_image: bool = option(True, label="Preview", help="Write preview.png into the model folder at every save; "
                               "without it and without a window no time is spent on previews", group="Preview")
    preview: bool = option(False, label="Preview Window", help="Open a window that shows the preview; keys: S saves, R "
                           "refreshes, M shows or hides the mask, F fits the window, Enter saves and ends the training",
                           group="Preview", per_shot=False)
    preview_images: int = option(14, label="Preview Faces", help="Faces of each side on the preview sheet", min=2,
                                 max=16, step=2, group="Preview", advanced=True)
    preview_scale: float = option(100.0, label="Preview Scale", help="Size of the preview, as a part of the model's "
                                  "own pixels; faces below 128 px are enlarged first", min=25.0, max=200.0, unit="%",
                                  group="Preview", advanced=True)
    mask_opacity: float = option(30.0, label="Mask Opacity", help="How strongly previews tint what the mask leaves "
                                 "out; 0: not at all", min=0.0, max=100.0, unit="%", group="Preview", advanced=True)
    mask_color: str = option("#ff0000", label="Mask Colour", help="Colour of that tint, and of the corners of what the "
                             "model sees, in hexadecimal", group="Preview", advanced=True)
    timelapse: bool = option(False, label="Time-lapse", help="Keep a picture of the same faces at every save, in the "
                             "model folder unless an output is named; naming a folder below turns it on, too",
                             group="Time-lapse", advanced=True)
    timelapse_input_a: str = _timelapse("A")
    timelapse_input_b: str = _timelapse("B")
    timelapse_output: str = option("", label="Time-lapse Output", help="Where the time-lapse's pictures go; empty: "
                                   "timelapse in the model folder", kind="folder", group="Time-lapse", advanced=True)
    logs: bool = option(True, label="TensorBoard Logs", help="Write TensorBoard logs beside the model; graphs and the "
                        "table of sessions need none", group="Logs", advanced=True)
