"""Options that several tasks take, declared once so that they read the same everywhere (stdlib; both sides)."""

from __future__ import annotations

from typing import Any

from .field import option

# Up to eight graphics cards by number; "cuda" is the first.
DEVICES = ("auto", "cpu", "cuda", *(f"cuda:{number}" for number in range(8)), "mps")


def device_option(group: str = "Device") -> Any:
    """Where networks compute; `core.models.device.choose_device` resolves it."""
    return option("auto", label="Device", help="Where networks compute; auto takes a graphics card where there is one",
                  choices=DEVICES, group=group, advanced=True)


def cluster_option(group: str = "Device") -> Any:
    """Where frames are worked on besides this machine; `core.cluster` speaks to it."""
    return option("", label="Cluster", help="Address of a Dask scheduler whose workers do the work, such as "
                  "tcp://farm:8786; they see the same files under the same paths; empty: this machine does it",
                  group=group, advanced=True)


def persons_option(group: str = "Persons") -> Any:
    """Whose faces a task is about; `core.faces.persons.wanted` resolves it."""
    return option((), label="Persons", help="Names of the persons whose faces are meant; empty: everyone", group=group,
                  advanced=True)
