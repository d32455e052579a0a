"""Which tracks show the same person: average linkage with things that must not be (stdlib + numpy; both sides)."""

from __future__ import annotations

import numpy as np


def group(means: np.ndarray, weights: np.ndarray, apart: np.ndarray, labels: list[int | None],
          same: float) -> list[int]:
    """Join tracks whose vectors are alike, most alike first.

    Clusters are compared by the mean cosine over all pairs of their faces (average linkage, R. Sokal and C. Michener,
    "A statistical method for evaluating systematic relationships", 1958), which is the scalar product of their mean
    vectors: one number per pair of tracks is all that is kept.

    Args:
        means: float [T, D], per track the mean of its faces' unit vectors (shorter than 1); zeros: it has none.
        weights: float [T], the number of faces behind each mean.
        apart: bool [T, T], symmetric: pairs that cannot be one person, such as two faces in one frame.
        labels: what a person said of each track: tracks of one label are joined, those of two never.
        same: least mean cosine of one person's faces.

    Returns:
        the number of each track's group, 0 .. G-1, in order of first tracks.
    """
    clusters = _Clusters(means, weights, apart, labels)
    for track in range(len(means)):
        first = labels.index(labels[track]) if labels[track] is not None else track
        if first != track:
            clusters.join(first, track)
    while (pair := clusters.most_alike(same)) is not None:
        clusters.join(*pair)
    order = {root: number for number, root in enumerate(dict.fromkeys(clusters.roots()))}
    return [order[root] for root in clusters.roots()]


class _Clusters:
    """Clusters under the number of their first track, and how alike any two of them are."""

    def __init__(self, means: np.ndarray, weights: np.ndarray, apart: np.ndarray, labels: list[int | None]) -> None:
        self._sums = means.astype(np.float64) * weights[:, None]
        self._weights = weights.astype(np.float64)
        self._apart = apart.copy()
        labelled = [i for i, label in enumerate(labels) if label is not None]
        said = np.array([labels[i] for i in labelled])
        # What a person said counts for more than the frames.
        self._apart[np.ix_(labelled, labelled)] = said[:, None] != said[None]
        self._parent = list(range(len(means)))
        self._alive = np.ones(len(means), bool)
        self._known = (np.linalg.norm(means, axis=1) > 0) & (weights > 0)
        self._alike = np.full((len(means), len(means)), -np.inf)
        for i in range(len(means)):
            self._compare(i)
        # Of each cluster the one that is most like it, so that joining two need not look at all pairs again.
        self._nearest = self._alike.argmax(1) if len(means) else np.zeros(0, int)

    def most_alike(self, least: float) -> tuple[int, int] | None:
        """The pair of clusters to join next; None where no two are alike enough."""
        if not len(self._alike):
            return None
        best = self._alike[np.arange(len(self._nearest)), self._nearest]
        i = int(best.argmax())
        j = int(self._nearest[i])
        return (min(i, j), max(i, j)) if best[i] >= least else None

    def join(self, into: int, other: int) -> None:
        self._parent[other] = into
        self._sums[into] += self._sums[other]
        self._weights[into] += self._weights[other]
        self._known[into] |= self._known[other]
        self._apart[into] |= self._apart[other]
        self._apart[:, into] |= self._apart[:, other]
        self._alive[other] = False
        self._alike[other] = self._alike[:, other] = -np.inf
        self._compare(into)
        here = np.arange(len(self._nearest))
        nearer = self._alike[:, into] > self._alike[here, self._nearest]
        self._nearest[nearer] = into
        lost = np.flatnonzero(np.isin(self._nearest, (into, other)) & ~nearer)
        self._nearest[lost] = self._alike[lost].argmax(1)

    def roots(self) -> list[int]:
        def root(track: int) -> int:
            while self._parent[track] != track:
                track = self._parent[track]
            return track

        return [root(track) for track in range(len(self._parent))]

    def _compare(self, i: int) -> None:
        alike = self._sums @ (self._sums[i] / max(self._weights[i], 1.0)) / np.maximum(self._weights, 1.0)
        alike[~(self._alive & self._known) | self._apart[i]] = -np.inf
        alike[i] = -np.inf
        if not self._known[i]:
            alike[:] = -np.inf
        self._alike[i] = self._alike[:, i] = alike
