"""A cluster of other machines, by Dask: shards of frames go out, what is made of them comes back in order.

Dask is imported when somebody connects, and not before. A worker needs Understudy of the same version, and sees the
same files under the same paths.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Self, TypeVar

from .errors import ClusterError, Stopped, UnderstudyError

R = TypeVar("R")

SHARD = 32  # frames that a task is about
_PATIENCE = 15.0  # seconds for a scheduler or a first worker to answer
_LOOK = 0.5  # seconds between two looks whether the person wants to stop
_LEAST_WAITING = 2  # tasks that are on their way, by thread of a worker: one at work, one ready
_INSTALL = "Install it beside Understudy: pip install dask==2026.8.0 distributed==2026.8.0"


class Cluster:
    """A connection to a Dask scheduler; a context manager.

    Args:
        address: such as "tcp://farm:8786" or "farm:8786".

    Raises:
        ClusterError: Dask is not installed, nobody answers there, there are no workers, or one of them has no
            Understudy or another version of it.
    """

    def __init__(self, address: str) -> None:
        try:
            import distributed
        except ImportError as error:
            raise ClusterError(f"A cluster needs Dask, which is not installed ({error})", _INSTALL) from None
        self.address = address.strip()
        self._lost = (distributed.KilledWorker, CancelledError, OSError)
        self._run = uuid.uuid4().hex
        try:
            self._client = distributed.Client(self.address, timeout=_PATIENCE, set_as_default=False)
        except (OSError, TimeoutError, ValueError, ImportError) as error:
            raise ClusterError(f"No Dask scheduler answers at {self.address} ({_first_line(error)})",
                               "Start one with dask scheduler, and name the address that it prints") from None
        try:
            self._check_workers()
        except BaseException:
            self._client.close()
            raise

    def _check_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
        except TimeoutError:
            raise ClusterError(f"The cluster at {self.address} has no workers",
                               f"Start some with dask worker {self.address}") from None
        ours = version()
        try:
            theirs = self._client.run(version, on_error="return")
        except Exception as error:  # of whatever kind Dask's network has
            raise ClusterError(f"The workers of {self.address} do not answer ({_first_line(error)})",
                               "Look into their logs") from None
        for worker, answer in theirs.items():
            if isinstance(answer, BaseException):
                raise ClusterError(f"The worker {worker} cannot use Understudy ({_first_line(answer)})",
                                   "Start the workers with the Python that Understudy is installed in")
            if answer != ours:
                raise ClusterError(f"The worker {worker} has Understudy {answer}, and this is {ours}",
                                   "Install the same version everywhere")

    def require(self, check: Callable[..., None], *arguments: Any) -> None:
        """Have every worker make sure of something, before the work begins.

        Raises:
            UnderstudyError: as `check` raises it, naming the worker.
        """
        for worker, answer in self._client.run(check, *arguments, on_error="return").items():
            if isinstance(answer, UnderstudyError):
                raise type(answer)(f"{answer.message} (on the worker {worker})", answer.hint)
            if isinstance(answer, BaseException):
                raise ClusterError(f"The worker {worker} fails ({_first_line(answer)})", "Look into its log")

    def pause(self) -> None:
        """Have the workers hold still, cards freed as far as what they run knows how."""
        self._client.run(_hold, self._run, on_error="ignore")

    def go_on(self) -> None:
        """After `pause`."""
        self._client.run(_let_go, self._run, on_error="ignore")

    def in_order(self, work: Callable[..., R], shards: Iterable[tuple[Any, ...]],
                 stopping: Callable[[], bool]) -> Generator[R, None, None]:
        """`work(run, *shard)` for every shard, on the workers; results in the order of the shards.

        `work` is a function of a module, and is to call `tick(run)` now and then. A worker that is lost loses its tasks
        to others, so whatever `work` does may be done twice. A few tasks per thread are out at a time, whatever there
        are to come.

        Args:
            stopping: asked twice a second.

        Raises:
            Stopped: after the person's wish; tasks at work end at their next `tick`.
            ClusterError: the cluster went away, or workers die of one and the same task.
            UnderstudyError: what `work` raises, in its turn.
        """
        out: deque[Any] = deque()
        coming = iter(shards)
        try:
            while True:
                while len(out) < self._window() and (shard := next(coming, None)) is not None:
                    out.append(self._client.submit(work, self._run, *shard, pure=False))
                if not out:
                    return
                yield self._result(out.popleft(), stopping)
        finally:
            if out:
                self._abandon(out)

    def _window(self) -> int:
        return _LEAST_WAITING * max(1, sum(self._client.nthreads().values()))

    def _result(self, future: Any, stopping: Callable[[], bool]) -> Any:
        while not future.done():
            if stopping():
                self._abandon([future])
                raise Stopped
            with suppress(TimeoutError, CancelledError):
                future.exception(timeout=_LOOK)
        try:
            return future.result()
        except self._lost as error:
            raise ClusterError(f"Work on the cluster at {self.address} was lost ({_first_line(error)})",
                               "Look into the workers' logs; the same command again continues") from None

    def _abandon(self, futures: Sequence[Any]) -> None:
        with suppress(Exception):  # the cluster may be what failed
            self._client.cancel(list(futures), force=True)
            self._client.run(_abandon, self._run, on_error="ignore")

    def close(self) -> None:
        with suppress(Exception):
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


# On a worker: what it knows of the runs whose tasks it does.

_mutex = threading.RLock()
_abandoned: set[str] = set()
_held: dict[str, threading.Event] = {}
_cards: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {}


def version() -> str:
    """Which Understudy this is."""
    from .. import __version__

    return str(__version__)


def tick(run: str) -> None:
    """To be called by work between two frames: waits while its run is paused.

    Raises:
        Stopped: nobody wants the rest of it any more.
    """
    held = _held.get(run)
    if held is not None:
        held.wait()
    if run in _abandoned:
        raise Stopped


def on_pause(run: str, free: Callable[[], None], restore: Callable[[], None]) -> None:
    """What frees this worker's graphics card while the run is paused, and takes it back; said again, it replaces."""
    with _mutex:
        _cards[run] = free, restore


def _hold(run: str) -> None:
    with _mutex:
        if run not in _held:
            _held[run] = threading.Event()
            if run in _cards:
                _cards[run][0]()


def _let_go(run: str) -> None:
    with _mutex:
        held = _held.pop(run, None)
        if held is not None:
            if run in _cards:
                _cards[run][1]()
            held.set()


def _abandon(run: str) -> None:
    _let_go(run)
    _abandoned.add(run)
