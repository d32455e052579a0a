"""Ward's clustering of many vectors in little memory.

The tree is the one that `scipy.cluster.hierarchy.linkage(vectors, "ward")` makes (J. H. Ward, "Hierarchical grouping to
optimize an objective function", JASA 58, 1963), without its table of all distances: clusters are kept as centroids, and
in each round all pairs that are each other's nearest are joined, which Ward's criterion allows (it is reducible: a join
brings nobody nearer; F. Murtagh, "A survey of recent advances in hierarchical clustering algorithms", Computer Journal
26, 1983). Each cluster remembers its few nearest, so that most need no second search. Distances come in blocks from
torch's matrix products, on a processor or a graphics card, and every round can say how far it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from scipy.cluster.hierarchy import fcluster
from torch import Tensor

_NEAREST = 24  # neighbours that each cluster remembers
_NEW = 4  # of the clusters that a block of joins makes, those that another cluster may remember
_BLOCK_BYTES = 32 * 2**20  # of distances held at a time
_COMPACT = 0.75  # share of living rows below which the dead ones are dropped
_FEW = 3000  # clusters for which waking a second core costs more than it brings

Progress = Callable[[str, int, int], None]
_Join = tuple[int, int, float]  # the clusters' numbers, as in scipy's form, and their distance


def tree(vectors: np.ndarray, device: torch.device | str = "cpu",
         progress: Progress = lambda step, done, total: None) -> np.ndarray:
    """Ward's tree, in scipy's form.

    Time grows with N² D, memory with N D. Where vectors lie so that each round finds few pairs (a chain, a star) there
    are up to N rounds, each of them short.

    Args:
        vectors: float [N, D], N >= 1.
        device: where distances are computed.
        progress: told (what is going on, faces done, of how many); may raise, to stop.

    Returns:
        float64 [N - 1, 4]: the two clusters joined, their distance, and how many vectors they hold together.
    """
    rows = np.ascontiguousarray(vectors, np.float32)
    # Copies would all be each other's nearest, of which each round could join one pair only.
    _, first, inverse, counts = np.unique(rows, axis=0, return_index=True, return_inverse=True, return_counts=True)
    joins, tops = _join_copies(first, inverse.ravel())
    if len(first) > 1:
        forest = _Forest(rows[first], tops, counts, len(rows) + len(joins), torch.device(device), progress)
        joins += forest.join_all()
    return _in_order(joins, len(rows))


def cut(linkage: np.ndarray, share: float) -> np.ndarray:
    """Groups of a tree cut at `share` (0 .. 1) of its greatest distance: int [N], numbered from 0."""
    if not len(linkage):
        return np.zeros(1, int)
    return fcluster(linkage, share * linkage[-1, 2], "distance") - 1


def halves(vectors: np.ndarray) -> np.ndarray:
    """The two parts into which vectors [N, D], N >= 2, fall most clearly: int [N], 0 or 1."""
    return fcluster(tree(vectors), 2, "maxclust") - 1


def _join_copies(first: np.ndarray, inverse: np.ndarray) -> tuple[list[_Join], np.ndarray]:
    """Joins, at distance 0, of vectors that are the same; and the cluster that then holds each distinct one."""
    tops = first.copy()
    joins: list[_Join] = []
    for vector in np.flatnonzero(first[inverse] != np.arange(len(inverse))):
        joins.append((int(tops[inverse[vector]]), int(vector), 0.0))
        tops[inverse[vector]] = len(inverse) + len(joins) - 1
    return joins, tops


def _in_order(joins: list[_Join], count: int) -> np.ndarray:
    """The joins by distance, clusters numbered anew in that order."""
    heights = np.array([height for _, _, height in joins])
    order = np.argsort(heights, kind="stable")  # a cluster is never joined at less than the distance it was made at
    number = np.arange(count + len(joins))
    number[count + order] = count + np.arange(len(joins))
    sizes = np.ones(count + len(joins))
    linkage = np.empty((len(joins), 4))
    for place, old in enumerate(order):
        a, b = sorted((number[joins[old][0]], number[joins[old][1]]))
        sizes[count + place] = sizes[a] + sizes[b]
        linkage[place] = a, b, heights[old], sizes[count + place]
    return linkage


class _Forest:
    """The clusters of the moment, a row each; rows of clusters that were joined to another are dead until dropped.

    `near` and `near_distance` hold each row's nearest living rows, unsorted, complete up to `bound`; where fewer are
    left, the distance is infinite. Distances are squared ones of Ward's criterion throughout: 2 |a| |b| / (|a| + |b|)
    times the squared distance of the centroids.
    """

    def __init__(self, vectors: np.ndarray, names: np.ndarray, counts: np.ndarray, next_name: int,
                 device: torch.device, progress: Progress) -> None:
        count = len(vectors)
        # Distances of centred vectors lose less to rounding.
        self.centres = torch.from_numpy(vectors - vectors.mean(0)).to(device)
        self.squares = (self.centres ** 2).sum(1)
        self.inverse_counts = 1 / torch.from_numpy(counts).to(device, torch.float32)
        self.heights = torch.zeros(count, device=device)
        self.names = torch.from_numpy(names.astype(np.int64)).to(device)
        self.alive = torch.ones(count, dtype=torch.bool, device=device)
        self.near = torch.zeros((count, _NEAREST), dtype=torch.int64, device=device)
        self.near_distance = torch.full((count, _NEAREST), torch.inf, device=device)
        self.bound = torch.full((count,), torch.inf, device=device)
        self._next_name, self._total, self._progress = next_name, count, progress

    def join_all(self) -> list[_Join]:
        threads = torch.get_num_threads()
        try:
            return self._join_all(threads)
        finally:
            torch.set_num_threads(threads)

    def _join_all(self, threads: int) -> list[_Join]:
        done = 0
        for block in self._blocks(torch.arange(self._total, device=self.centres.device)):
            self._progress("Comparing faces", done, self._total)
            self._search(block)
            done += len(block)
        joins: list[_Join] = []
        while len(joins) < self._total - 1:
            self._progress("Grouping faces", len(joins), self._total - 1)
            if len(self.centres) < _FEW:
                torch.set_num_threads(1)
            a, b = self._mutual_pairs()
            joins += self._join(a, b)
            self._update(a, b)
            self._compact(self._total - len(joins))
        return joins

    def _blocks(self, rows: Tensor) -> Iterator[Tensor]:
        return iter(rows.split(max(1, _BLOCK_BYTES // (4 * len(self.centres)))))

    def _distances(self, rows: Tensor) -> Tensor:
        """From some rows to all, [R, N]; infinite to themselves and to the dead."""
        centres = self.centres[rows]
        result = torch.addmm(self.squares, centres, self.centres.T, alpha=-2)
        result += self.squares[rows, None]
        result.clamp_(min=0)
        result /= self.inverse_counts[rows, None] + self.inverse_counts
        result *= 2
        result[torch.arange(len(rows), device=rows.device), rows] = torch.inf
        return result

    def _search(self, rows: Tensor, distances: Tensor | None = None) -> None:
        """Find the nearest of some rows among all."""
        distances = self._distances(rows) if distances is None else distances
        count = min(_NEAREST, distances.shape[1])
        found, near = distances.topk(count, 1, largest=False)
        self.near_distance[rows] = torch.inf
        self.near_distance[rows, :count] = found
        self.near[rows, :count] = near
        self.bound[rows] = self.near_distance[rows].amax(1)

    def _mutual_pairs(self) -> tuple[Tensor, Tensor]:
        """Pairs of rows that are each other's nearest."""
        living = self.alive.nonzero().ravel()
        distance, place = self.near_distance.min(1)
        nearest = self.near.gather(1, place[:, None]).ravel()
        first = living[(nearest[nearest[living]] == living) & (living < nearest[living])]
        if not len(first):  # rounding can send each on to another; the closest of all may always be joined
            first = living[distance[living].argmin()][None]
        return first, nearest[first]

    def _join(self, a: Tensor, b: Tensor) -> list[_Join]:
        """Move rows `b` into rows `a`."""
        squared = torch.minimum(self._between(a, b), self._between(b, a))
        heights = torch.maximum(squared.sqrt(), torch.maximum(self.heights[a], self.heights[b]))
        joins = list(zip(self.names[a].tolist(), self.names[b].tolist(), heights.tolist(), strict=True))
        weight_a, weight_b = 1 / self.inverse_counts[a], 1 / self.inverse_counts[b]
        weights = weight_a + weight_b
        self.centres[a] = (self.centres[a] * weight_a[:, None] + self.centres[b] * weight_b[:, None]) / weights[:, None]
        self.squares[a] = (self.centres[a] ** 2).sum(1)
        self.inverse_counts[a] = 1 / weights
        self.heights[a] = heights
        self.names[a] = torch.arange(self._next_name, self._next_name + len(a), device=a.device)
        self._next_name += len(a)
        self.alive[b] = False
        self.squares[b] = torch.inf
        self.centres[b] = 0
        self.near_distance[b] = torch.inf
        return joins

    def _between(self, a: Tensor, b: Tensor) -> Tensor:
        apart = ((self.centres[a] - self.centres[b]) ** 2).sum(1)
        return 2 * apart / (self.inverse_counts[a] + self.inverse_counts[b])

    def _update(self, a: Tensor, b: Tensor) -> None:
        """After joins: what was near and is gone is forgotten, and the new rows `a` are made known."""
        touched = torch.zeros_like(self.alive)
        touched[a] = touched[b] = True
        self.near_distance[touched[self.near]] = torch.inf
        for block in self._blocks(a):
            distances = self._distances(block)
            self._introduce(block, distances)
            self._search(block, distances)
        lonely = self.alive & torch.isinf(self.near_distance.amin(1))
        if self.alive.sum() > 1:
            for block in self._blocks(lonely.nonzero().ravel()):
                self._search(block)

    def _introduce(self, new: Tensor, distances: Tensor) -> None:
        """Add new rows to the lists of those to whom they are near."""
        count = min(_NEW, len(new))
        found, place = distances.topk(count, 0, largest=False)
        if count < len(new):  # there may be more beyond the last of these
            torch.minimum(self.bound, found[-1], out=self.bound)
        rows = ((found[0] < self.bound) & self.alive).nonzero().ravel()
        if not len(rows):
            return
        all_distances = torch.cat([self.near_distance[rows], found[:, rows].T], 1)
        all_near = torch.cat([self.near[rows], new[place[:, rows]].T], 1)
        kept, order = all_distances.topk(_NEAREST, 1, largest=False)
        bound = torch.minimum(self.bound[rows], kept.amax(1))
        kept[kept > bound[:, None]] = torch.inf
        self.near_distance[rows], self.near[rows], self.bound[rows] = kept, all_near.gather(1, order), bound

    def _compact(self, living: int) -> None:
        """Drop the rows of the dead once they are many."""
        if living >= _COMPACT * len(self.centres):
            return
        keep = self.alive.nonzero().ravel()
        place = torch.zeros(len(self.alive), dtype=torch.int64, device=keep.device)
        place[keep] = torch.arange(len(keep), device=keep.device)
        for name in ("centres", "squares", "inverse_counts", "heights", "names", "alive", "near_distance", "bound"):
            setattr(self, name, getattr(self, name)[keep])
        self.near = place[self.near[keep]]
