"""Ward's tree in little memory is scipy's tree; orders made of it keep alike things together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import is_valid_linkage, leaves_list, linkage

from understudy.core.sorting import ward
from understudy.core.sorting.methods.likeness import Histogram, Landmarks
from understudy.core.sorting.seriation import chain, leaders, leaf_order


def clustered(count: int, size: int, clusters: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    centres = chance.standard_normal((clusters, size)) * apart
    labels = chance.integers(0, clusters, count)
    return (centres[labels] + chance.standard_normal((count, size))).astype(np.float32), labels


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 120), st.integers(1, 12), st.integers(1, 6), st.integers(0, 10**6), st.integers(2, 30))
def test_the_tree_is_scipys(count, size, clusters, seed, near):
    """Also where few neighbours are remembered, blocks are small and rows are dropped early."""
    vectors, _ = clustered(count, size, clusters, 3.0, seed)
    remembered, block = ward._NEAREST, ward._BLOCK_BYTES
    ward._NEAREST, ward._BLOCK_BYTES = near, 4 * 7 * count
    try:
        mine = ward.tree(vectors)
    finally:
        ward._NEAREST, ward._BLOCK_BYTES = remembered, block
    theirs = linkage(vectors.astype(np.float64), "ward")
    assert is_valid_linkage(mine)
    np.testing.assert_allclose(mine[:, 2], theirs[:, 2], rtol=2e-3, atol=2e-3 * theirs[-1, 2])
    for share in (0.1, 0.25, 0.5):  # also at heights where two joins might have changed places
        height = share * theirs[-1, 2]
        if np.abs(theirs[:, 2] - height).min() > 0.01 * theirs[-1, 2]:
            mine_cut, theirs_cut = ward.cut(mine, height / mine[-1, 2]), ward.cut(theirs, share)
            assert len(set(zip(mine_cut, theirs_cut, strict=True))) == len(set(theirs_cut)) == len(set(mine_cut))


def test_copies_and_hubs_and_chains():
    """Where all point at one, or at the next, each round joins few: it must end all the same, and right."""
    chance = np.random.default_rng(0)
    few = chance.standard_normal((5, 8)).astype(np.float32)
    copies = few[chance.integers(0, 5, 300)]
    star = np.concatenate([np.zeros((1, 60)), np.eye(60)]).astype(np.float32)
    row = (np.cumsum(1.0 + np.arange(80) * 0.01)[:, None] * np.ones((1, 2))).astype(np.float32)
    for vectors in (copies, star, row, np.zeros((50, 4), np.float32), few[:1], few[:2]):
        mine = ward.tree(vectors)
        assert mine.shape == (len(vectors) - 1, 4)
        if len(vectors) > 1:
            assert is_valid_linkage(mine)
            theirs = linkage(vectors.astype(np.float64), "ward")
            np.testing.assert_allclose(mine[-1, 2:], theirs[-1, 2:], rtol=0.02, atol=1e-6)
        assert sorted(leaf_order(mine, vectors)) == list(range(len(vectors)))
    assert len(set(ward.cut(ward.tree(copies), 0.01))) == 5


@pytest.mark.parametrize("apart", [0.5, 0.3, 0.22])
def test_neighbours_are_as_often_of_one_kind_as_in_wards_leaves(apart):
    vectors, labels = clustered(1200, 128, 24, apart)
    mine = labels[leaf_order(ward.tree(vectors), vectors)]
    theirs = labels[leaves_list(linkage(vectors.astype(np.float64), "ward"))]
    assert (mine[1:] == mine[:-1]).mean() >= (theirs[1:] == theirs[:-1]).mean()


def test_branches_are_turned_so_that_alike_ends_meet():
    vectors, _ = clustered(400, 16, 5, 2.0)
    tree = ward.tree(vectors)

    def length(order):
        return np.linalg.norm(np.diff(vectors[order], axis=0), axis=1).sum()

    assert length(leaf_order(tree, vectors)) < length(leaves_list(tree))


def test_progress_is_told_while_clustering_and_may_stop_it():
    vectors, _ = clustered(3000, 16, 5, 2.0)
    told: list[tuple[str, int, int]] = []

    class Enough(Exception):
        pass

    def progress(step, done, total):
        told.append((step, done, total))
        if step == "Grouping faces" and done > total / 2:
            raise Enough

    threads = torch.get_num_threads()
    with pytest.raises(Enough):
        ward.tree(vectors, progress=progress)
    assert torch.get_num_threads() == threads
    counts = [done for step, done, _ in told if step == "Grouping faces"]
    assert len(counts) > 3
    assert counts == sorted(counts)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60), st.integers(0, 10**6))
def test_a_chain_always_goes_to_the_nearest_left(count, seed):
    vectors = np.random.default_rng(seed).uniform(0, 64, (count, 6)).astype(np.float32)
    order = chain(vectors, Landmarks.distances)
    assert order[0] == 0
    assert sorted(order) == list(range(count))
    for place in range(count - 1):
        apart = np.abs(vectors[order[place + 1:]] - vectors[order[place]]).sum(1)
        assert apart[0] <= apart.min() + 1e-3


def test_leaders_keep_a_limit_from_each_groups_mean():
    histograms = np.sqrt(np.random.default_rng(0).dirichlet(np.full(8, 0.3), 200)).astype(np.float32)
    groups = leaders(histograms, Histogram.distances, 0.4)
    assert 1 < len(set(groups)) < 200
    assert len(set(leaders(histograms, Histogram.distances, 1.0))) == 1
    assert len(set(leaders(histograms, Histogram.distances, 0.0))) == 200
