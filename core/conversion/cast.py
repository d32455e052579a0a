"""Several people, each with a model: who is swapped by which, and in what order faces lie over each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..errors import AlignmentsError, UsageError
from ..extraction.gate import Gate
from ..faces.geometry import Alignment
from ..faces.nouns import Face
from ..faces.persons import find as find_person
from ..faces.store import AlignmentsStore
from ..media.frame import Frame
from ..models.base import Side
from ..models.device import choose_device
from ..models.folder import TrainedModel, load
from ..models.quick import quicken
from ..options.convert import ConvertOptions
from .neighbours import Neighbours
from .nouns import ConvertedFrame
from .protocols import Statistics
from .steadying import Steady
from .stored_masks import StoredMasks
from .swap import Cut, Swapper, laid_over

_FEW = 4  # processors have kernels of their own for batches of fewer
_FORM = "Write them as in Anna=/models/anna"


@dataclass(frozen=True)
class Roles:
    """Whose faces are replaced, by which model, in which order.

    Attributes:
        folders: of the models, each once.
        by_person: person -> number in `folders`.
        others: the number for faces of everybody else; None: they stay as they are.
        persons: whose faces the task is about at all; None: everybody's.
        rank: person -> place in the order that a person gave, 0 in front of all; empty: by size.
    """

    folders: tuple[Path, ...]
    by_person: Mapping[int, int]
    others: int | None
    persons: frozenset[int] | None
    rank: Mapping[int, int]

    def model_of(self, face: Face) -> int | None:
        """The number of the model that replaces a face; None: it stays as it is."""
        if self.persons is not None and face.person not in self.persons:
            return None
        own = self.by_person.get(face.person) if face.person is not None else None
        return self.others if own is None else own

    def in_depth(self, faces: Iterable[Face]) -> list[Face]:
        """Those of a frame's faces that are replaced, from the back to the front."""
        last = len(self.rank)
        return sorted((face for face in faces if face.state != "removed" and self.model_of(face) is not None),
                      key=lambda face: (-self.rank.get(-1 if face.person is None else face.person, last),
                                        _size(face), face.position))


def _size(face: Face) -> float:
    try:
        return Alignment(face.landmarks).source_size
    except ValueError:
        return 0.0  # cutting it will say what is wrong with it


def roles(options: ConvertOptions, store: AlignmentsStore) -> Roles:
    """What the options say about persons and models, with the persons of this store.

    Raises:
        UsageError: no model at all, a pair that cannot be read, a person named twice or without a model.
        AlignmentsError: a person that nobody in the clip is.
    """
    pairs = folders_by_name(options)
    folders: list[Path] = []

    def number(folder: str) -> int:
        path = Path(folder.strip()).expanduser().absolute()
        if path not in folders:
            folders.append(path)
        return folders.index(path)

    by_person: dict[int, int] = {}
    for name, folder in pairs.items():
        person = find_person(store, name)
        if person in by_person:
            raise UsageError(f"Two models are named for {name}", "Name one")
        by_person[person] = number(folder)
    others = number(options.model_dir) if options.model_dir.strip() else None
    asked = [find_person(store, name) for name in options.persons]
    if others is None:
        for person, name in zip(asked, options.persons, strict=True):
            if person not in by_person:
                raise UsageError(f"No model is named for {name}", "Add one to models, or name a model folder for "
                                 "everybody else")
    order = dict.fromkeys((*asked, *by_person)) if options.in_front == "persons" else {}
    return Roles(tuple(folders), by_person, others, frozenset(asked) if asked else None,
                 {person: rank for rank, person in enumerate(order)})


def folders_by_name(options: ConvertOptions) -> dict[str, str]:
    """The option `models`, person's name -> model folder.

    Raises:
        UsageError: nothing names a model; a pair that is none; one person twice.
    """
    if not options.model_dir.strip() and not options.models:
        raise UsageError("No model folder is given", "Name the folder of a trained model")
    pairs: dict[str, str] = {}
    for word in options.models:
        name, sign, folder = (part.strip() for part in word.partition("="))
        if not (name and sign and folder):
            raise UsageError(f"{word!r} does not name a person and a model folder", _FORM)
        if name.casefold() in map(str.casefold, pairs):
            raise UsageError(f"Two models are named for {name}", "Name one")
        pairs[name] = folder
    return pairs


def require_faces(faces: Mapping[int, Sequence[Face]], options: ConvertOptions, source: Path) -> None:
    """Make sure that there is something to replace.

    Raises:
        AlignmentsError: there are no such faces in these frames.
    """
    if not faces:
        names = options.persons or (() if options.model_dir.strip() else tuple(folders_by_name(options)))
        whose = f" of {', '.join(names)}" if names else ""
        raise AlignmentsError(f"There are no faces{whose} to replace in the chosen frames of {source}",
                              f"Run extract on the clip, or choose other frames{' or persons' if whose else ''}")


def load_models(options: ConvertOptions, roles: Roles) -> list[TrainedModel]:
    """The models of the roles, ready to convert with.

    Raises:
        ModelError: one that is missing or damaged.
        UsageError: a device that is not here.
    """
    device, side = choose_device(options.device), side_of(options)
    return [quicken(load(folder, device), options.precision, side) for folder in roles.folders]


def side_of(options: ConvertOptions) -> Side:
    """Whose faces the models are asked for."""
    return "a" if options.swap_model else "b"


@dataclass(frozen=True, eq=False)
class Part:
    """A face cut for the model that plays it: its number in the cast."""

    model: int
    cut: Cut


class Cast:
    """The models of a conversion, which together do for a frame what a `Swapper` does for its faces.

    `cut` is for one thread at a time, `predict` and `finish` are for any number. Predicting is batched per model.

    Args:
        models: as numbered in `roles`.
        options: of the conversion; one `Swapper` per model is made with them.
        masks: as for `Swapper`.
        computing: passed by whoever computes; shared by casts that share their models.
        neighbours, steady: as for `Swapper`.
    """

    def __init__(self, models: Sequence[TrainedModel], roles: Roles, options: ConvertOptions,
                 masks: StoredMasks | None = None, computing: Gate | None = None,
                 neighbours: Neighbours | None = None, steady: Steady | None = None) -> None:
        self.batch_size = options.batch_size
        self.swappers = [Swapper(model, options, masks, neighbours, steady) for model in models]
        self._roles = roles
        self._computing = computing or Gate()

    @property
    def on_card(self) -> bool:
        """Whether networks compute elsewhere than on the processor."""
        return any(swapper.model.device.type != "cpu" for swapper in self.swappers)

    def bytes_of(self, faces: Sequence[Face]) -> int:
        """About what the faces of a frame take on their way: crops, answers and patches in float32."""
        sides = (self.swappers[number].model.output_size for face in faces
                 if (number := self._roles.model_of(face)) is not None)
        return sum(64 * side * side for side in sides)

    def free_card(self) -> None:
        """For a pause: bring the models to memory, and let nobody use them meanwhile."""
        self._computing.close()
        for swapper in self.swappers:
            swapper.model.model.to("cpu")
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def take_card(self) -> None:
        """After the pause: bring them back."""
        for swapper in self.swappers:
            swapper.model.model.to(swapper.model.device)
        self._computing.open()

    def cut(self, frame: Frame, faces: Sequence[Face]) -> tuple[Part, ...]:
        """The faces of a frame, cut for their models, in their order.

        Raises:
            AlignmentsError: landmarks that cannot be a face.
        """
        return tuple(Part(model, cut) for face in faces if (model := self._roles.model_of(face)) is not None
                     for cut in self.swappers[model].cut(frame, [face]))

    def predict(self, parts: Sequence[Part]) -> list[np.ndarray]:
        """What the models make of the parts, in their order."""
        with self._computing.passed():
            answers = [iter(self._answers(swapper, [part.cut for part in parts if part.model == number]))
                       for number, swapper in enumerate(self.swappers)]
        return [next(answers[part.model]) for part in parts]

    def _answers(self, swapper: Swapper, cuts: list[Cut]) -> list[np.ndarray]:
        """Batches filled up to whole fours: what a face becomes then does not depend, to the last bit, on how many
        others happen to be computed with it, so that a restart or a cluster gives the same pictures."""
        few = min(_FEW, self.batch_size)
        size = self.batch_size // few * few
        answers: list[np.ndarray] = []
        for start in range(0, len(cuts), size):
            batch = cuts[start:start + size]
            answers += swapper.predict(batch + [batch[-1]] * (-len(batch) % few))[:len(batch)]
        return answers

    def measured(self, parts: Sequence[Part]) -> dict[str, Statistics]:
        """What the colour method measures of faces in their frames, by uuid; see `steadying`."""
        found = {part.cut.face: self.swappers[part.model].statistics(part.cut, answer)
                 for part, answer in zip(parts, self.predict(parts), strict=True)}
        return {uuid: statistics for uuid, statistics in found.items() if statistics is not None}

    def finish(self, frame: Frame, parts: Sequence[Part], answers: Iterable[np.ndarray]) -> ConvertedFrame:
        """The frame with its swapped faces laid over in order."""
        return laid_over(frame, tuple(self.swappers[part.model].patch(part.cut, answer)
                                      for part, answer in zip(parts, answers, strict=True)))
