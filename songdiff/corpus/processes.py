"""Processes that share out songs: each computes with one thread, so that the numerics do not depend on their number."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@contextmanager
def single_threaded() -> Iterator[None]:
    """Processes that are spawned inside inherit one thread for linear algebra."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
