"""For each frame a short text that changes whenever its picture would: what a second run goes by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..faces.nouns import Face
from ..media.source import Source
from ..options import is_meant, options_of
from ..options.convert import ConvertOptions
from ..options.convert_writing import ConvertWritingOptions
from .cast import Roles
from .neighbours import Neighbours
from .stored_masks import StoredMasks

_VERSION = 2  # raised whenever the same options and model give other pictures, so that old ones are made again
# Options that change no picture, or that show in something else that counts: faces, models, masks, the source.
_BESIDE = {"source", "model_dir", "models", "output", "alignments", "frames", "persons", "in_front",
           "smooth_alignments", "batch_size", "device", "cluster", "keep_unchanged", "patch_json",
           "on_the_fly", "detector", "aligner", "input_aligned_dir"}


def frame_keys(options: ConvertOptions, digests: Sequence[str], roles: Roles, source: Source, wanted: Iterable[int],
               faces: Mapping[int, Sequence[Face]], masks: StoredMasks | None = None,
               neighbours: Neighbours | None = None) -> dict[int, str]:
    """The key of each wanted frame: of the source, the settings, and the frame's faces with landmarks, masks, models.

    Options at their default are left out, so that one which a later version adds changes nothing; so are the models of
    persons whom the frame does not show.

    Args:
        digests: of the models, as numbered in `roles`.
        faces: those that are replaced, by frame, from the back to the front.
        neighbours: the same faces in the frames around, where these have a say.
    """
    chosen = {option.name: getattr(options, option.name) for option in options_of(options)
              if option.name not in _BESIDE and getattr(options, option.name) != option.default
              and is_meant(option, lambda name: getattr(options, name, None))}
    writing = {option.name for option in options_of(ConvertWritingOptions)}
    written = {name: value for name, value in chosen.items() if name in writing}  # also shows where no face is
    common = json.dumps([_VERSION, options.writer, source.fingerprint, written], sort_keys=True)
    whole = common + json.dumps(chosen, sort_keys=True)
    keys = {}
    for index in wanted:
        here = faces.get(index, ())
        digest = hashlib.sha256((whole if here else common).encode())
        for face in here:
            number = roles.model_of(face)
            digest.update(digests[0 if number is None else number].encode())
            digest.update(np.ascontiguousarray(face.landmarks, "<f4").tobytes())
            if neighbours is not None:
                digest.update(neighbours.key(face, masks))
        if masks is not None:
            digest.update(masks.key(here))
        keys[index] = digest.hexdigest()[:32]
    return keys
