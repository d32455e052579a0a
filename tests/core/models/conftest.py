"""The tiny trainer for tests of model folders."""

from __future__ import annotations

import pytest

from understudy.core.models import base, state

from . import tiny


@pytest.fixture
def tiny_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (base, state):
        monkeypatch.setattr(module, "TRAINERS", tiny.ROWS)
