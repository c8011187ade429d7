"""The form of a given song: sections from the tags of its lyrics, or from its sound; and where it may be cut.

Sections begin on bar lines. What is heard of a form is a guess: a stretch without a voice is intro, solo or outro by
its place; of the sung ones, those that return and are the loudest are choruses.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..evaluation.estimators import boundaries
from ..evaluation.sound import chroma_features, log_mel
from ..lyrics import Lyrics
from ..score import Line, Score, Section

SAMPLE_RATE = 44100
_RATE = 2.0  # features a second
_LONG_REST = 4.0  # bars without words between two sections that are a part of their own
_SUNG = 0.15  # share of a section's time in which the voice sounds
_ALIKE = 0.85  # cosine of two sections' mean harmonies from which on one is the other again
_LOUDER = 0.5  # dB by which a chorus stands out from the mean of sung sections


def told_sections(
    lyrics: Lyrics, lines: Sequence[Line], bars: Sequence[float], duration: float
) -> list[Section] | None:
    """The sections that the lyrics name, on the song's ``bars`` (seconds of bar lines); None where they name none."""
    marks: list[tuple[float, str]] = []
    for number, section in enumerate(lyrics.sections):
        own = [line for line, said in zip(lines, lyrics.lines, strict=True) if said.section == number]
        if section.start is not None:
            marks.append((section.start, section.label))
        elif own:
            marks.append((own[0].start, section.label))
    if not marks:
        return None
    bar = float(np.median(np.diff(bars))) if len(bars) > 1 else 2.0
    ends = [line.end for line in lines]
    starts = [(_on_bar(time, bars, bar), label) for time, label in marks]
    for time, _ in list(starts):
        before = [end for end in ends if end <= time + bar / 2]
        if before and time - max(before) > _LONG_REST * bar:
            starts.append((_on_bar(max(before) + bar / 2, bars, bar), "solo"))
    if min(starts)[0] > bar / 2:
        starts.append((0.0, "intro"))
    if ends and marks[-1][1] != "outro" and duration - max(ends) > 2 * bar:
        starts.append((_on_bar(max(ends) + bar / 2, bars, bar), "outro"))
    return _sections(dict(reversed(starts)), duration)  # of two at one place the lyrics' own


def heard_sections(stems: Mapping[str, np.ndarray], bars: Sequence[float]) -> list[Section] | None:
    """Sections as the sound suggests them, from (2, samples) by track at 44.1 kHz; None where it does not change."""
    mix = np.sum(list(stems.values()), axis=0).mean(0)
    duration = len(mix) / SAMPLE_RATE
    tones = chroma_features(mix) / 2
    bands = [log_mel(stem.mean(0), 10, 2048, 2048)[:, : tones.shape[1]] for stem in stems.values()]
    features = _by_half_seconds(np.concatenate([tones, *bands]))
    edges = sorted({_on_bar(time, bars, 2.0) for time in boundaries(features, _RATE)} - {0.0})
    edges = [edge for edge in edges if 2.0 < edge < duration - 2.0]
    if not edges:
        return None
    spans = list(itertools.pairwise([0.0, *edges, duration]))
    voice = _level(stems["vocals"].mean(0))
    sings = voice > max(voice.max() - 30, -50)
    sung = [bool(sings[_rows(span)].mean() > _SUNG) for span in spans]
    level = _level(mix)
    loud = np.array([level[_rows(span)].mean() for span in spans])
    harmony = np.stack([_by_half_seconds(tones, centred=False)[:, _rows(span)].mean(1) for span in spans])
    harmony -= harmony.mean(0)
    harmony /= np.maximum(np.linalg.norm(harmony, axis=1, keepdims=True), 1e-9)
    usual = loud[sung].mean() if any(sung) else 0.0
    labels = {}
    for i, (start, _) in enumerate(spans):
        if not sung[i] and i in (0, len(spans) - 1):
            labels[start] = "intro" if i == 0 else "outro"
        elif not sung[i] and any(sung):
            labels[start] = "solo"
        else:
            again = any(j != i and sung[j] == sung[i] and harmony[i] @ harmony[j] > _ALIKE for j in range(len(spans)))
            labels[start] = "chorus" if again and any(sung) and loud[i] > usual + _LOUDER else "verse"
    return _sections(labels, duration)


def cuts(score: Score, longest: float) -> list[tuple[float, float]]:
    """A song in pieces of at most ``longest`` seconds, of like length: (start, end) of each.

    Cut where a section begins, else on a bar line where nobody sings, else on a bar line, else anywhere.
    """
    pieces, start = [], 0.0
    while score.duration - start > longest:
        count = math.ceil((score.duration - start) / longest)
        wanted = start + (score.duration - start) / count
        places = {section.start: 0.0 for section in score.sections or []}
        for beat in score.beats or []:
            if beat.position == 1:
                sung = any(line.start < beat.time - 0.05 and beat.time < line.end for line in score.lines or [])
                places.setdefault(beat.time, 0.6 if sung else 0.2)
        places = {time: cost for time, cost in places.items() if start + longest / 4 < time <= start + longest}
        cut = min(places, key=lambda time: places[time] + abs(time - wanted) / longest, default=wanted)
        pieces.append((start, cut))
        start = cut
    return [*pieces, (start, score.duration)]


def _sections(labels: Mapping[float, str], duration: float) -> list[Section]:
    """Sections from their starts to the next one's."""
    starts = sorted(start for start in labels if start < duration)
    ends = [*starts[1:], duration]
    return [
        Section.model_validate({"start": a, "end": b, "label": labels[a]}) for a, b in zip(starts, ends, strict=True)
    ]


def _on_bar(time: float, bars: Sequence[float], reach: float) -> float:
    """The nearest bar line within ``reach`` seconds; a line's upbeat lies before its section's bar."""
    near = min(bars, key=lambda bar: abs(bar - time), default=time)
    return float(near) if abs(near - time) <= reach else time


def _by_half_seconds(features: np.ndarray, centred: bool = True) -> np.ndarray:
    """(d, frames of 2048 samples) → (d, half seconds): means; each row less its mean and over its deviation."""
    step = SAMPLE_RATE / 2048 / _RATE
    edges = np.minimum((np.arange(math.ceil(features.shape[1] / step)) * step).astype(int), features.shape[1] - 1)
    means = np.add.reduceat(features, edges, axis=1) / np.diff(edges, append=features.shape[1])
    if not centred:
        return means
    return (means - means.mean(1, keepdims=True)) / np.maximum(means.std(1, keepdims=True), 1e-6)


def _level(mono: np.ndarray) -> np.ndarray:
    """dBFS of every half second."""
    rows = np.pad(mono, (0, -len(mono) % (SAMPLE_RATE // 2))).reshape(-1, SAMPLE_RATE // 2)
    return 10 * np.log10(np.square(rows, dtype=np.float64).mean(1) + 1e-10)


def _rows(span: tuple[float, float]) -> slice:
    first = int(span[0] * _RATE)
    return slice(first, max(first + 1, int(span[1] * _RATE)))
