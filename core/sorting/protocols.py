"""What a way of sorting faces must offer. A new one is one class and one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from .pictures import Picture

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Tools:
    """What a method may use.

    Attributes:
        device_option: where to compute, as the person chose ("auto", "cpu" …).
        progress: to be told (what is going on, done, of how many); raises `Stopped` once the person asked to stop.
        identity: name of the chosen identity model.
        vectors: vectors of that model which are known already, by the faces' uuids.
    """

    device_option: str
    progress: Progress
    identity: str = ""
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)

    @cached_property
    def device(self) -> str:
        """Where to compute, torch's name; most methods never ask, and need not wait for torch.

        Raises:
            UsageError: it is not here.
        """
        from ..models.device import choose_device

        return str(choose_device(self.device_option))


@dataclass(frozen=True, eq=False)
class Group:
    """Pictures that belong together.

    Attributes:
        number: of the group, part of its folder's name.
        label: what its pictures have in common, as part of a folder's name; "" where that has no words.
        members: indices of the pictures.
    """

    number: int
    label: str
    members: np.ndarray


class Method(Protocol):
    """Made as `Method(tools)`."""

    def look(self, picture: Picture) -> Any:
        """What is to be known of one picture; called from several threads.

        Raises:
            FacesError: the picture cannot be used.
        """

    def collect(self, looks: Sequence[Any]) -> np.ndarray:
        """Some looks (N >= 1) as float [N, ...] measures."""

    def order(self, measures: np.ndarray) -> np.ndarray:
        """The pictures in order: int [N]. Measures are those of all pictures, N >= 1."""

    def groups(self, measures: np.ndarray, bins: int, threshold: float) -> list[Group]:
        """The pictures in groups, none of them empty.

        Args:
            bins: number of equal parts, for methods that measure one number.
            threshold: where groups are told apart, for the others, in the method's own unit; below 0: its own choice.
        """
