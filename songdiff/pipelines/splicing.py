"""New sound into old: whatever was not asked for stays sample for sample, and the seams cannot be heard.

Stems are joined first, in cross-fades of :data:`FADE` seconds just outside the spans. The mix follows from them: one
more fade of :data:`FADE` seconds, further out, leads from the given mix to the sum of its stems, which sound alike
there. Farther than twice :data:`FADE` = 0.1 s from a span nothing is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..audio.files import resample
from ..audio.loudness import limit
from ..errors import InputError
from ..score import TRACKS
from .known import Known, Span, to_channels

FADE = 0.05
_BLOCK = 0.05  # seconds: levels are compared in blocks
_NEAR = 2.0  # seconds about a span in which the mix's level is taken
_CEILING = 0.89  # the highest sample that a newly made stretch of the mix may have, unless the song goes higher itself


class Spliced(NamedTuple):
    """``stems`` by track and ``mix``, each (channels, samples) at the known song's rate."""

    stems: dict[str, np.ndarray]
    mix: np.ndarray


def merge_spans(spans: Sequence[Span], duration: float, name: str = "song") -> list[Span]:
    """Spans in order, those that overlap or lie closer than their cross-fades made one; ends beyond the song's by a
    rounding are cut. Raises :class:`InputError` naming a span that does not lie in the song."""
    if not spans:
        raise InputError("span: none given; name what to render again as START:END in seconds")
    merged: list[Span] = []
    for start, end in sorted(spans):
        if not 0 <= start < end <= duration + FADE:
            raise InputError(
                f"span {start:g}:{end:g} does not lie in {name}, which lasts {duration:.2f} s; give start < end in it"
            )
        end = min(end, duration)
        if merged and start <= merged[-1][1] + 4 * FADE:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def splice(
    known: Known,
    rendered: Mapping[str, np.ndarray],
    spans: Sequence[Span] | None,
    tracks: Sequence[str],
    *,
    sample_rate: int = 44100,
    offset: float = 0.0,
) -> Spliced:
    """``known`` with ``tracks`` of ``rendered`` in ``spans``.

    Args:
        rendered: by track (channels, samples) at ``sample_rate`` Hz and at the level of the known song; it begins at
            ``offset`` seconds of the song and covers the spans and :data:`FADE` about them.
        spans: in seconds; None: all of the song.
        tracks: those to replace or, where the song has none, to add. Of a mix without stems all are needed.
    """
    rate, samples, channels = known.form.sample_rate, known.num_samples, known.form.channels
    spans = merge_spans([(0.0, known.duration)] if spans is None else spans, known.duration, known.name)
    first = round(offset * rate)
    needed = min(samples, round((spans[-1][1] + 2 * FADE) * rate)) - first  # resampling may lose the last sample
    new = {}
    for track in tracks:
        wide = known.stems[track].shape[0] if track in known.stems else channels
        waveform = to_channels(resample(rendered[track].astype(np.float32), sample_rate, rate), wide)
        new[track] = np.pad(waveform, ((0, 0), (0, max(0, needed - waveform.shape[1]))))
    if not known.stems and known.mix is not None and known.kept_latents is None:
        total = sum((to_channels(stem, channels) for stem in new.values()), np.zeros((channels, 1), np.float32))
        mix = known.mix.copy()
        for start, end in spans:
            _insert(mix, total, start, end, 2 * FADE, rate, first)
        return Spliced({}, mix)

    stems = dict(known.stems)
    for track, waveform in new.items():
        stem = stems[track].copy() if track in stems else np.zeros((channels, samples), known.form.dtype)
        for start, end in spans:
            _insert(stem, waveform, start, end, FADE, rate, first)
        stems[track] = stem
    stems = {track: stems[track] for track in TRACKS if track in stems}
    if known.mix is None:
        total = np.zeros((channels, samples), known.form.dtype)
        for stem in stems.values():
            total += to_channels(stem, channels)
        return Spliced(stems, total)

    mix = known.mix.copy()
    ceiling = max(_CEILING, float(np.abs(mix).max()))
    for start, end in spans:
        low, high = max(0, round((start - _NEAR) * rate)), min(samples, round((end + _NEAR) * rate))
        before = _summed(known.stems, channels, low, high)
        old = known.mix[:, low:high]
        if known.missing:
            gain = _projection(old, before, rate)
        else:
            gain = _level_ratio(old, before, np.ones(high - low, bool), rate) or 1.0
        total = _summed(stems, channels, low, high) * np.float32(gain)
        if known.missing:  # what no stem accounts for stays as it is
            total += old - before * np.float32(gain)
        total = limit(total, rate, ceiling)
        _insert(mix, total, start - FADE, end + FADE, FADE, rate, low)
    return Spliced(stems, mix)


def track_gains(
    known: Known, rendered: Mapping[str, np.ndarray], outside: np.ndarray, usual: float
) -> dict[str, float]:
    """By track the factor from ``rendered`` to the stems of ``known`` (without stems: from its sum to the mix), both at
    the song's own rate.

    Where the cells are known, ``rendered`` is the song's own sound through the codec: the median over blocks of how
    much louder the song is says the gain, whatever single blocks do. ``outside`` (samples,), True where that holds.
    Tracks without sound there take the gain of the others, and ``usual`` where none has any.
    """
    rate, gains = known.form.sample_rate, {}
    sources, waveforms = known.stems, dict(rendered)
    if not sources:
        sources, waveforms = {"mix": known.mixed}, {"mix": np.sum(list(rendered.values()), axis=0)}
    for track, source in sources.items():
        gain = _level_ratio(source, waveforms[track], outside, rate) if track in waveforms else None
        if gain is not None:
            gains[track] = gain
    usual = float(np.median(list(gains.values()))) if gains else usual
    return {track: gains.get(track, usual) for track in rendered}


def _level_ratio(source: np.ndarray, waveform: np.ndarray, outside: np.ndarray, rate: int) -> float | None:
    """Median factor from ``waveform`` to ``source`` over the blocks in which both sound; None where they do not."""
    size = round(_BLOCK * rate)
    count = min(source.shape[1], waveform.shape[1], len(outside)) // size
    if not count:
        return None

    def blocks(x: np.ndarray) -> np.ndarray:
        return np.square(x[:, : count * size], dtype=np.float64).mean(0).reshape(count, size).mean(1)

    there = outside[: count * size].reshape(count, size).all(1)
    a, b = blocks(source), blocks(waveform)
    if not there.any():
        return None
    there &= (a > max(a[there].max() / 1000, 1e-9)) & (b > max(b[there].max() / 1000, 1e-9))
    return float(np.median(np.sqrt(a[there] / b[there]))) if there.sum() >= 4 else None


def _projection(mix: np.ndarray, total: np.ndarray, rate: int) -> float:
    """From the sum of some stems to their share of the mix: the median over blocks of one's projection on the other."""
    size = round(_BLOCK * rate)
    count = mix.shape[1] // size
    if not count:
        return 1.0
    shape = (mix.shape[0], count, size)
    a, b = mix[:, : count * size].reshape(shape), total[:, : count * size].reshape(shape)
    both, power = np.einsum("cns,cns->n", a, b, dtype=np.float64), np.einsum("cns,cns->n", b, b, dtype=np.float64)
    loud = power > max(power.max() / 1000, 1e-9)
    gain = float(np.median(both[loud] / power[loud])) if loud.any() else 1.0
    return gain if gain > 0 else 1.0


def _insert(target: np.ndarray, new: np.ndarray, start: float, end: float, fade: float, rate: int, first: int) -> None:
    """Write ``new``, which begins at sample ``first`` of ``target``, into ``start`` … ``end`` seconds; in place.

    The fades lie outside and keep the power whatever the two have in common (Fink, Holters and Zölzer, "Signal-matched
    power-complementary cross-fading and dry-wet mixing", DAFx 2016).
    """
    samples, width = target.shape[1], round(fade * rate)
    low, high = max(0, round(start * rate)), min(samples, round(end * rate))
    target[:, low:high] = new[:, low - first : high - first]
    if low > 0:
        begin = max(0, low - width)
        ramp = (np.arange(begin - low, 0) + width + 0.5) / width
        _fade(target[:, begin:low], new[:, begin - first : low - first], ramp)
    if high < samples:
        stop = min(samples, high + width)
        ramp = (width - np.arange(stop - high) - 0.5) / width
        _fade(target[:, high:stop], new[:, high - first : stop - first], ramp)


def _fade(old: np.ndarray, new: np.ndarray, ramp: np.ndarray) -> None:
    """From ``old`` (in place) to ``new`` as ``ramp`` (samples,) of 0 … 1 says."""
    power = float(np.vdot(old, old)) * float(np.vdot(new, new))
    likeness = min(1.0, max(0.0, float(np.vdot(old, new)) / power**0.5)) if power > 0 else 1.0
    norm = np.sqrt(ramp**2 + (1 - ramp) ** 2 + 2 * likeness * ramp * (1 - ramp))
    old[:] = ((1 - ramp) * old + ramp * new) / norm


def _summed(stems: Mapping[str, np.ndarray], channels: int, low: int, high: int) -> np.ndarray:
    total = np.zeros((channels, high - low), np.float32)
    for stem in stems.values():
        total += to_channels(stem[:, low:high], channels)
    return total
