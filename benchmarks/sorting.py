"""How long sorting by face takes, how much memory it needs, and how well neighbours match, against Ward's leaves.

    python benchmarks/sorting.py [FACES]      (30000 by default; the comparison with scipy is made at 5000)

Neighbour purity is the share of neighbours in the order that are of one person, on invented vectors of 512 numbers: a
few people with thousands of faces and many with few. Wall time is that of the machine as it is; processor time says
more where it is busy. Memory is the most that the process held, Python and torch included.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np

SIZE, COMPARED = 512, 5000
APART = (0.5, 0.2, 0.15)  # spread of the persons' centres against the spread of one person's faces: easy to hard
_MEMORY = 1024  # ru_maxrss is in KiB on Linux


def people(count: int, apart: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """float32 [N, 512] of length 1, and who each is; sizes fall off as in real footage (Zipf)."""
    chance = np.random.default_rng(seed)
    number = max(4, count // 150)
    share = 1 / np.arange(1, number + 1)
    labels = chance.choice(number, count, p=share / share.sum())
    centres = chance.standard_normal((number, SIZE), np.float32) * np.float32(apart)
    vectors = centres[labels] + chance.standard_normal((count, SIZE), np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


def purity(labels: np.ndarray) -> float:
    return float((labels[1:] == labels[:-1]).mean())


def ours(count: int, apart: float) -> str:
    """One order in this process; "seconds processor-seconds MiB purity"."""
    import resource

    from understudy.core.sorting.seriation import leaf_order
    from understudy.core.sorting.ward import tree

    vectors, labels = people(count, apart)
    wall, processor = time.perf_counter(), time.process_time()
    order = leaf_order(tree(vectors), vectors)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEMORY
    return f"{wall:.1f} {processor:.1f} {memory:.0f} {purity(labels[order]):.4f}"


def theirs(count: int, apart: float) -> str:
    """The same by scipy: all distances, Ward's linkage, its leaves."""
    import resource

    from scipy.cluster.hierarchy import leaves_list, linkage

    vectors, labels = people(count, apart)
    wall, processor = time.perf_counter(), time.process_time()
    order = leaves_list(linkage(vectors.astype(np.float64), "ward"))
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MEMORY
    return f"{wall:.1f} {processor:.1f} {memory:.0f} {purity(labels[order]):.4f}"


def measured(who: str, count: int, apart: float) -> list[str]:
    """In a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, who, str(count), str(apart)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, vectors of {SIZE} numbers\n")
    print("| faces | apart | order by | seconds | processor s | MiB | neighbour purity |")
    print("|---|---|---|---|---|---|---|")
    for who, faces, apart in (*((who, COMPARED, a) for a in APART for who in ("ours", "theirs")),
                              ("ours", count, APART[1])):
        name = "Understudy" if who == "ours" else "scipy's Ward"
        print(f"| {faces:,} | {apart:g} | {name} | {' | '.join(measured(who, faces, apart))} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print({"ours": ours, "theirs": theirs}[sys.argv[1]](int(sys.argv[2]), float(sys.argv[3])))
    else:
        main()
