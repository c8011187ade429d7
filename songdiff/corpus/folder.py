"""Whose folder is it? A corpus folder belongs to one set of settings, and to one process at a time."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .shards import CorpusError, write_beside


def claim(out: Path, identity: dict[str, Any]) -> None:
    """Mark ``out`` as the corpus of these settings. Raises :class:`CorpusError` where it is another's."""
    path = out / "corpus.json"
    if path.exists():
        there = json.loads(path.read_text(encoding="utf-8"))
        if there != identity:
            raise CorpusError(f"{out} holds another corpus ({there}, not {identity}); give another folder or delete it")
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CorpusError(f"{out} is not empty and not a corpus; give a new folder")
    out.mkdir(parents=True, exist_ok=True)
    write_beside(path, json.dumps(identity).encode() + b"\n")


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Hold the corpus for one build. Raises :class:`CorpusError` where another holds it."""
    with (out / "corpus.json").open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CorpusError(f"{out} is being built by another process; wait or give another folder") from None
        yield
