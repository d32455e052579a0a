"""Options of what a training shows of itself (stdlib; both sides)."""

from __future__ import annotations

from dataclasses import dataclass

from .field import option


@dataclass(frozen=True)
class WatchingOptions:
    """What is shown while it trains."""

    preview_images: int = option(14, label="Preview Faces", help="Faces on the preview sheet", min=2, max=16, step=2,
                                 group="Preview", advanced=True)
    logs: bool = option(True, label="Logs", help="Write TensorBoard logs beside the model", group="Preview",
                        advanced=True)
