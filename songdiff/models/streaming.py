"""Long signals piece by piece: what is local in time can be computed in windows that overlap, with the same result."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class Window(NamedTuple):
    """``tensors`` (…, frames) with neighbours on both sides; frames ``start … stop`` of them are the window's own."""

    tensors: tuple[Tensor, ...]
    start: int
    stop: int


def windows(pieces: Iterable[tuple[Tensor, ...]], size: int, margin: int, first: int | None = None) -> Iterator[Window]:
    """Pieces of any length (…, frames), in order → windows of ``size`` frames of their own and up to ``margin`` around.

    The first window has ``first`` frames of its own, so that something can be heard early. At the two ends of the
    signal there are no neighbours, just as when it is computed at once. Holds no more than a window and a piece.
    """
    held: tuple[Tensor, ...] | None = None
    done, own = 0, first or size  # frames at the front of what is held that are neighbours only; frames of the next
    for piece in pieces:
        held = piece if held is None else tuple(torch.cat(pair, dim=-1) for pair in zip(held, piece, strict=True))
        while held[0].shape[-1] >= done + own + margin:
            yield Window(tuple(x[..., : done + own + margin] for x in held), done, done + own)
            drop = max(0, done + own - margin)
            held, done, own = tuple(x[..., drop:] for x in held), done + own - drop, size
    while held is not None and held[0].shape[-1] > done:
        stop = min(done + own, held[0].shape[-1])
        yield Window(tuple(x[..., : stop + margin] for x in held), done, stop)
        drop = max(0, stop - margin)
        held, done, own = tuple(x[..., drop:] for x in held), stop - drop, size
