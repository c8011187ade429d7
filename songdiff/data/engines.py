"""Who does the work: processes of this machine, or Ray Data on as many machines as its cluster has.

An engine takes a function and jobs, and yields results as they are finished; it knows nothing of songs. Functions are
pure but for the files that they write, so that the result is the same whoever runs them.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from typing import Any

from ..corpus.processes import single_threaded
from ..corpus.tools import MissingToolError
from ..errors import InputError

Share = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]
"""A function and jobs → its results, in whatever order."""


@contextmanager
def processes(workers: int) -> Iterator[Share]:
    """Up to ``workers`` spawned single-threaded processes.

    Sharing raises what the function raises, and :class:`~songdiff.errors.InputError` where a process dies.
    """
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    pool = concurrent.futures.ProcessPoolExecutor(workers, context, _begin, (reader,))

    def share(function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
        futures = [pool.submit(function, job) for job in jobs]
        try:
            for future in concurrent.futures.as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise InputError("a process died, perhaps out of memory; try fewer workers") from None

    with single_threaded():
        try:
            yield share
            pool.shutdown()
        finally:
            writer.close()  # whoever is still at work stops
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def ray_data(workers: int) -> Iterator[Share]:
    """Ray Data on the cluster of RAY_ADDRESS, whose machines see the same folders, or else on a local one of
    ``workers``. Raises MissingToolError without Ray."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingToolError("Ray Data", "pip install 'songdiff[ray]'") from None
    started = not ray.is_initialized()
    if started:
        local: dict[str, Any] = {} if "RAY_ADDRESS" in os.environ else {"num_cpus": workers, "include_dashboard": False}
        ray.init(log_to_driver=False, **local)
    ray.data.DataContext.get_current().enable_progress_bars = False

    def share(function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
        def answer(row: dict[str, Any]) -> dict[str, Any]:
            try:
                result = function(pickle.loads(row["job"]))
            except InputError as error:
                result = error  # raised below: Ray would wrap it in errors of its own
            return {"result": pickle.dumps(result)}

        rows = [{"job": pickle.dumps(job)} for job in jobs]
        if rows:
            for row in ray.data.from_items(rows, override_num_blocks=len(rows)).map(answer).iter_rows():
                result = pickle.loads(row["result"])
                if isinstance(result, InputError):
                    raise result
                yield result

    try:
        yield share
    finally:
        if started:
            ray.shutdown()


ENGINES: dict[str, Callable[[int], AbstractContextManager[Share]]] = {"processes": processes, "ray": ray_data}


def _begin(parent: Connection) -> None:
    """A process of the pool: it ends when the other end of ``parent`` is closed, be it by Ctrl-C or by kill -9."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def follow() -> None:
        parent.poll(None)
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
