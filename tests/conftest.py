"""What all rings share: the package under its own name, and the places of optional material."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # several processes share the processors, and so do those that they start
    _share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, _share)))  # read by torch and OpenBLAS when they are imported

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("UNDERSTUDY_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of test footage with truth; skips where it is absent."""
    folder = SHARED / "footage"
    if not folder.is_dir():
        pytest.skip(f"needs the footage folder {folder}, which is not part of the repository")
    return folder


@pytest.fixture(scope="session")
def weights() -> Path:
    """The folder of real weight files; skips where it is absent."""
    folder = SHARED / "weights"
    if not folder.is_dir():
        pytest.skip(f"needs the weights folder {folder}, which is not part of the repository")
    return folder


@pytest.fixture(scope="session")
def _weights_home(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder into which the real weight files were imported, once for all tests."""
    from understudy.core.jobs.messages import SilentReporter
    from understudy.core.options.weights import WeightsImportOptions
    from understudy.core.weights import task

    home = tmp_path_factory.mktemp("weights-home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNDERSTUDY_HOME", str(home))
        task.import_(WeightsImportOptions(file=str(weights)), SilentReporter())
        for own in weights.glob("mobilefacenet*"):
            task.import_(WeightsImportOptions(file=str(own), name="mobilefacenet"), SilentReporter())
    return home


@pytest.fixture
def installed_weights(_weights_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The weights folder of an `UNDERSTUDY_HOME` that holds the real weight files; skips where there are none."""
    monkeypatch.setenv("UNDERSTUDY_HOME", str(_weights_home))
    return _weights_home / "data" / "weights"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch computes in one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
