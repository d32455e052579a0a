"""Orders of many things in which neighbours are alike: the leaves of a tree, and a chain from each to its nearest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_COMPACT = 0.75  # share of waiting rows below which those already in the chain are dropped

Progress = Callable[[str, int, int], None]
Distances = Callable[[Tensor, Tensor], Tensor]  # from one [D] to many [N, D] -> [N]


def leaf_order(linkage: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The leaves of a tree from left to right, branches turned so that alike ends meet: int [N].

    At each join both branches are turned so that, of their four ends, the two most alike lie beside each other (G.
    Gruvaeus and H. Wainer, "Two additions to hierarchical cluster analysis", British Journal of Mathematical and
    Statistical Psychology 25, 1972). Time and memory grow with N D.

    Args:
        linkage: float [N - 1, 4], in scipy's form.
        vectors: float [N, D].
    """
    count = len(vectors)
    ends = np.empty((count + len(linkage), 2), np.int64)
    ends[:count] = np.arange(count)[:, None]
    turned = np.zeros((len(linkage), 2), bool)  # whether each branch is read from right to left
    for join, (a, b) in enumerate(linkage[:, :2].astype(np.int64)):
        left, right = ends[a], ends[b]
        apart = ((vectors[left][:, None] - vectors[right][None]) ** 2).sum(-1)
        inner_left, inner_right = divmod(int(apart.argmin()), 2)
        turned[join] = inner_left == 0, inner_right == 1
        ends[count + join] = left[1 - inner_left], right[1 - inner_right]
    return _read(linkage, turned, count)


def _read(linkage: np.ndarray, turned: np.ndarray, count: int) -> np.ndarray:
    order = np.empty(count, np.int64)
    place = 0
    stack = [(count + len(linkage) - 1, False)]
    while stack:
        node, backwards = stack.pop()
        if node < count:
            order[place] = node
            place += 1
            continue
        join = node - count
        branches = [(int(linkage[join, side]), bool(turned[join, side]) != backwards) for side in (0, 1)]
        stack += branches if backwards else branches[::-1]  # the last is read first
    return order


def chain(vectors: np.ndarray, distances: Distances, device: torch.device | str = "cpu",
          progress: Progress = lambda step, done, total: None) -> np.ndarray:
    """From the first on, always to the nearest that is left: int [N].

    Time grows with N² D, memory with N D. Each step is short, so it may be stopped at any; toward the end a chain has
    to come back for what it left lying, which is the price of its simplicity.

    Args:
        vectors: float [N, D].
        distances: how far one is from many.
        progress: told how many are in the chain; may raise, to stop.
    """
    left = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)).to(device)
    numbers = torch.arange(len(left), device=left.device)
    waiting = torch.ones(len(left), dtype=torch.bool, device=left.device)
    order = np.empty(len(left), np.int64)
    current, rest = 0, len(left)
    for place in range(len(order)):
        progress("Putting faces in a row", place, len(order))
        order[place] = int(numbers[current])
        waiting[current] = False
        rest -= 1
        if not rest:
            break
        here = left[current]
        if rest < _COMPACT * len(left):
            left, numbers = left[waiting], numbers[waiting]
            waiting = torch.ones(rest, dtype=torch.bool, device=left.device)
        apart = distances(here, left)
        apart[~waiting] = torch.inf
        current = int(apart.argmin())
    return order


def leaders(vectors: np.ndarray, distances: Distances, limit: float, device: torch.device | str = "cpu",
            progress: Progress = lambda step, done, total: None) -> np.ndarray:
    """Groups in one pass: each joins the group whose mean is nearest, or begins one of its own; int [N], from 0.

    The leader algorithm (J. A. Hartigan, "Clustering algorithms", 1975, chapter 3). Time grows with N times groups.

    Args:
        vectors: float [N, D].
        distances: how far one is from many.
        limit: greatest distance from a group's mean at which it is joined.
    """
    points = torch.from_numpy(np.ascontiguousarray(vectors, np.float32)).to(device)
    sums, counts = torch.empty_like(points), torch.ones(len(points), 1, device=points.device)
    result = np.zeros(len(points), np.int64)
    groups = 0
    for number, point in enumerate(points):
        progress("Grouping faces", number, len(points))
        nearest, apart = 0, torch.inf
        if groups:
            all_apart = distances(point, sums[:groups] / counts[:groups])
            nearest = int(all_apart.argmin())
            apart = float(all_apart[nearest])
        if apart <= limit:
            sums[nearest] += point
            counts[nearest] += 1
            result[number] = nearest
        else:
            sums[groups], result[number] = point, groups
            groups += 1
    return result
