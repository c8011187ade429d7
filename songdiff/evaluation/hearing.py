"""Given audio as music: tempo, beats and bars, key, a chord for every half bar, sung notes; with how sure each is.

Knows waveforms only, no Score. Any subset of the tracks will do, and a mix. Built on :mod:`.estimators`; confidences
are estimates of the probability of being right, on the corpus's songs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from ..corpus.tools import MissingToolError
from ..errors import InputError
from ..score import PITCH_CLASSES, TRACKS, Beat, Chord, Note
from . import estimators
from .pitch import HOP_SECONDS, pitch_track
from .sound import SAMPLE_RATE, chroma_features

MIX = "mix"
"""The name under which :func:`hear_music` takes a mix of several tracks."""
_CHROMA_RATE = SAMPLE_RATE / 2048
_TRIADS = tuple(f"{root}:{quality}" for quality in ("maj", "min") for root in PITCH_CLASSES)
_DIATONIC = {"major": ((0, 5, 7), (2, 4, 9)), "minor": ((3, 8, 10), (0, 5, 7))}  # major triads, minor triads; semitones
_SCALES = {"dorian": "minor", "mixolydian": "major"}
_METRES = {"4/4": 4, "3/4": 3, "6/8": 2}  # beats in a bar
_STRAIGHT = 0.025  # seconds about a line, root mean square, up to which beats count as played to a click
_LOW, _HIGH = 36, 84  # MIDI pitches that are sung
_SHORTEST = 0.08  # seconds of a note
_SILENT = 1e-3  # of full scale
_UNSURE = 0.6
_BARS = 2.0  # by which the margin between the two likeliest bars makes sure of them
# what the roots of shares of time say for major and for minor, from the tonic up: logistic regression on the Scores of
# 330 songs of the corpus; cross-validated 75 % of the keys are right from the bass, 61 % from the melody
_BASS = np.array(
    [
        [5.5, -0.5, -0.4, -2.0, 0.4, 2.0, -1.1, 0.7, -1.1, 0.5, -2.7, -0.7],
        [6.3, -2.1, -1.2, -0.2, -2.0, 0.2, -1.9, -0.8, 2.2, -1.9, 1.0, -0.5],
    ]
)
_VOICE = np.array(
    [
        [4.2, -1.3, -0.6, -1.5, 2.6, 1.3, -3.4, 2.0, -1.6, -0.3, -2.5, 1.4],
        [3.4, -3.5, 0.4, 2.7, -2.4, -0.4, -2.2, 2.9, 1.1, -2.2, 0.5, -0.8],
    ]
)


@dataclass(frozen=True)
class Heard:
    """What is heard in ``duration`` seconds of audio.

    ``tempo`` in beats a minute, ``beats`` of the whole duration (a downbeat has position 1); ``key`` None and no
    ``chords`` where nothing has a pitch, else chords over the whole duration; ``melody`` the sung notes (None: no voice
    given). ``confidence`` 0 … 1 of ``tempo``, ``bars``, ``key``, ``chords``, ``melody``; 1 for what was told.
    """

    duration: float
    tempo: float
    time_signature: str
    beats: list[Beat]
    key: str | None
    chords: list[Chord]
    melody: list[Note] | None = None
    confidence: dict[str, float] = field(default_factory=dict)

    @property
    def first_downbeat(self) -> float:
        """Seconds of the first beat of the first whole bar."""
        return next(beat.time for beat in self.beats if beat.position == 1)

    def bars(self) -> list[tuple[float, float]]:
        """(start, end) of every bar, the first and last one cut at the ends of the audio."""
        starts = [beat.time for beat in self.beats if beat.position == 1]
        edges = [*([0.0] if starts[0] > 0.02 else []), *starts, self.duration]
        return [(a, b) for a, b in itertools.pairwise(edges) if b - a > 0.02]

    def lines(self) -> list[str]:
        """A line of text for each estimate, to be shown before anything is made of it."""

        def sure(name: str) -> str:
            return f"({self.confidence.get(name, 1.0):.0%} sure)"

        lines = [
            f"tempo {self.tempo:.1f} beats a minute {sure('tempo')}",
            f"bars of {self.time_signature}, the first from {self.first_downbeat:.2f} s {sure('bars')}",
        ]
        if self.key is not None:
            lines.append(f"key {self.key} {sure('key')}")
        if self.chords:
            names = [chord.label.replace(":maj", "").replace(":min", "m") for chord in self.chords]
            lines.append(f"chords {' '.join(names[:8])}{' ...' if len(names) > 8 else ''} {sure('chords')}")
        else:
            lines.append("nothing with a pitch: the chords are free")
        if self.melody is not None:
            lines.append(f"{len(self.melody)} sung notes {sure('melody')}")
        doubtful = [name for name in ("tempo", "bars", "key", "chords") if self.confidence.get(name, 1.0) < _UNSURE]
        if doubtful:
            lines.append(f"unsure of {', '.join(doubtful)}: listen, and tell them where they are wrong")
        return lines


def hear_music(
    stems: Mapping[str, np.ndarray],
    *,
    tempo: float | None = None,
    time_signature: str | None = None,
    first_beat: float | None = None,
    key: str | None = None,
    chords: list[list[str]] | None = None,
) -> Heard:
    """Listen to (2, samples) at 44.1 kHz by track of :data:`~songdiff.score.TRACKS` or as :data:`MIX`, all of a length.

    What is known already is kept: ``tempo`` beats a minute (to 3 %, as the audio plays it; exactly, together with
    ``first_beat``, the seconds of a downbeat), ``time_signature``, ``key`` as in ``"D minor"``, ``chords`` bar by bar
    and repeated. Raises :class:`InputError` for silence, where no pulse can be heard, and MissingToolError without
    pyworld where there is a voice.
    """
    if unknown := [name for name in stems if name not in (*TRACKS, MIX)]:
        raise InputError(f"stems: no track {', '.join(unknown)}; tracks are {', '.join(TRACKS)}, or {MIX}")
    mono = {name: stem.mean(0) for name, stem in stems.items()}
    duration = max((len(row) for row in mono.values()), default=0) / SAMPLE_RATE
    if not any(np.abs(row).max(initial=0.0) > _SILENT for row in mono.values()):
        raise InputError("the given audio is silent: nothing can be heard in it")
    silence = np.zeros(round(duration * SAMPLE_RATE))
    band = sum((mono[name] for name in ("bass", "other", MIX) if name in mono), silence)
    pitched = sum((mono[name] for name in mono if name != "drums"), silence)
    drums = mono.get("drums", silence)
    if np.abs(band).max() <= _SILENT:
        band = pitched
    melody, sung = _sung(stems["vocals"]) if "vocals" in stems else (None, 0.0)

    metre = None if time_signature is None else _METRES[time_signature]
    pulse, tempo_sure = estimators.felt_pulse(drums, band, tempo, metre)
    beats, bars_sure = _grid(pulse, duration, tempo, metre, first_beat)
    if len(beats) < 2 or all(beat.position > 1 for beat in beats):
        raise InputError(f"the given audio lasts {duration:.1f} s: no bar begins in it; give more of it, or first_beat")
    per_bar = max(beat.position for beat in beats)
    signature = time_signature or {3: "3/4"}.get(per_bar, "4/4")

    tones = chroma_features(pitched)
    key_sure, has_pitch = 1.0, float(tones.sum()) > 1e-3
    full = any(np.abs(mono[name]).max(initial=0.0) > _SILENT for name in ("other", MIX) if name in mono)
    low = chroma_features(mono["bass"]) if "bass" in mono else None
    times = [beat.time for beat in beats]
    if key is None and has_pitch:
        key, key_sure = _key_of_chords(tones) if full else _key_of_lines(low, times, melody)
    played = sum(b - a for a, b in itertools.pairwise(times)) / max(len(times) - 1, 1)
    if set(mono) == {"vocals"} and first_beat is None:
        bars_sure *= 0.6  # a lone voice says little of its bars
    sure = {"tempo": tempo_sure, "bars": bars_sure}
    sure |= {"key": key_sure} if key else {}
    sure |= {"melody": sung} if melody is not None else {}
    heard = Heard(duration, 60 / played, signature, beats, key, [], melody, sure)
    if chords is not None:
        named, sure["chords"] = _told_chords(heard, chords), 1.0
    elif not has_pitch:
        named = []
    else:
        named, sure["chords"] = _heard_chords(heard, tones, low, full)
    return Heard(duration, 60 / played, signature, beats, key, named, melody, sure)


# --- time -------------------------------------------------------------------------------------------------------------


def _grid(
    pulse: estimators.Pulse, duration: float, tempo: float | None, metre: int | None, first_beat: float | None
) -> tuple[list[Beat], float]:
    """Beats over the whole duration, evened out; how clear the bars are."""
    if tempo is not None and first_beat is not None:  # told in full
        times = np.array([first_beat, first_beat + 60 / tempo])
        return _extended(times, 0, metre or 4, duration), 1.0
    if len(pulse.beats) < 4:
        if tempo is None:
            raise InputError("no pulse can be heard in the given audio; give its tempo (bpm) and the first beat")
        at = float(pulse.beats[0]) if len(pulse.beats) else 0.0
        return _extended(np.array([at, at + 60 / tempo]), 0, metre or 4, duration), 0.0
    times = _even(pulse.beats)
    downs = pulse.downbeats if len(pulse.downbeats) else pulse.beats[:1]
    per_bar = metre or (
        4 if len(downs) < 2 else int(np.clip(round(np.diff(downs).mean() / np.diff(times).mean()), 2, 4))
    )
    if first_beat is None:
        first = int(np.abs(times - downs[0]).argmin())
        return _extended(times, first, per_bar, duration), 1 / (1 + math.exp(-_BARS * pulse.bars_margin))
    step = float(np.diff(times).mean())
    times = times + (first_beat - times[0] + step / 2) % step - step / 2
    first = round((first_beat - times[0]) / step)
    return _extended(times, first, per_bar, duration), 1.0


def _even(times: np.ndarray) -> np.ndarray:
    """Beats on a line where they keep to one tempo, else smoothed over four neighbours."""
    count = np.arange(len(times))
    line = np.polyval(np.polyfit(count, times, 1), count)
    off = times - line
    if np.sqrt(np.square(off).mean()) <= _STRAIGHT:
        return line
    return line + gaussian_filter1d(median_filter(off, 5, mode="nearest"), 2.0, mode="nearest")


def _extended(times: np.ndarray, downbeat: int, per_bar: int, duration: float) -> list[Beat]:
    """All beats within the duration, going on at both ends at the tempo there; ``times[downbeat]`` begins a bar."""
    before, after = (float(np.diff(part).mean()) for part in (times[:9], times[-9:]))
    earlier = times[0] - before * np.arange(max(0, math.ceil(times[0] / before)), 0, -1)
    later = times[-1] + after * np.arange(1, max(0, math.ceil((duration - times[-1]) / after)) + 1)
    whole, index = np.concatenate([earlier, times, later]), np.arange(len(earlier) + len(times) + len(later))
    positions = (index - len(earlier) - downbeat) % per_bar + 1
    inside = [(float(t), int(p)) for t, p in zip(whole, positions, strict=True) if -0.02 < t < duration]
    return [Beat(time=max(0.0, time), position=position) for time, position in inside]


# --- harmony ----------------------------------------------------------------------------------------------------------


def _key_of_chords(tones: np.ndarray) -> tuple[str | None, float]:
    fits = sorted(estimators.key_fits(tones), reverse=True)
    return (fits[0][1], 1 / (1 + math.exp(-5 * (fits[0][0] - fits[1][0])))) if fits else (None, 0.0)


def _key_of_lines(low: np.ndarray | None, beats: list[float], melody: list[Note] | None) -> tuple[str | None, float]:
    """The likeliest key for what a bass plays on the beats and a voice sings, and its probability."""
    odds = np.zeros(24)
    if low is not None:
        edges = np.minimum((np.array(beats) * _CHROMA_RATE).astype(int), low.shape[1] - 1)
        per_beat = np.add.reduceat(low, edges, axis=1)
        tones = per_beat.argmax(0)[per_beat.max(0) > 1e-3]
        odds += _odds(np.bincount(tones, minlength=12), _BASS)
    if melody:
        sung = [note.pitch % 12 for note in melody]
        odds += _odds(np.bincount(sung, [note.end - note.start for note in melody], minlength=12), _VOICE)
    if not odds.any():
        return None, 0.0
    likely = np.exp(odds - odds.max())
    best = int(odds.argmax())
    return f"{PITCH_CLASSES[best % 12]} {'major' if best < 12 else 'minor'}", float(likely.max() / likely.sum())


def _odds(histogram: np.ndarray, profiles: np.ndarray) -> np.ndarray:
    """(12,) of how long each pitch class sounds → (24,) logarithms of odds, C … B major and then minor."""
    if not histogram.sum():
        return np.zeros(24)
    shares = np.sqrt(histogram / histogram.sum())
    return np.array([profile @ np.roll(shares, -tonic) for profile in profiles for tonic in range(12)])


def _told_chords(heard: Heard, progression: list[list[str]]) -> list[Chord]:
    chords = []
    for i, (start, end) in enumerate(heard.bars()):
        names = progression[i % len(progression)]
        edges = np.linspace(start, end, len(names) + 1)
        chords += [Chord(start=a, end=b, label=n) for (a, b), n in zip(itertools.pairwise(edges), names, strict=True)]
    return chords


def _heard_chords(heard: Heard, tones: np.ndarray, low: np.ndarray | None, full: bool) -> tuple[list[Chord], float]:
    """The best path of triads through the half bars; without chords (``full`` False) those of the key are likelier.

    A bass's loudest tone speaks for the chord's root, the song's first and last bar for the tonic.
    """
    spans = []
    for start, end in heard.bars():
        middle = min((beat.time for beat in heard.beats), key=lambda time: abs(time - (start + end) / 2))
        halves = [start, middle, end] if start + 0.1 < middle < end - 0.1 else [start, end]
        spans += [(a, b, a == start) for a, b in itertools.pairwise(halves)]
    fit = np.zeros((24, len(spans)))
    for i, (start, end, _) in enumerate(spans):
        frames = slice(int(start * _CHROMA_RATE), max(int(start * _CHROMA_RATE) + 1, int(end * _CHROMA_RATE)))
        if tones[:, frames].size:
            fit[:, i] = estimators.triad_fits(tones[:, frames].sum(1, keepdims=True))[:, 0]
        if low is not None and low[:, frames].sum() > 1e-3:
            roots = low[:, frames].sum(1) / low[:, frames].sum()
            fit[:, i] += 0.6 * np.concatenate([roots, roots])
    fit += _in_key(heard.key)[:, None] * (0.1 if full else 0.4)
    tonic = _tonic_triad(heard.key)
    if tonic is not None and not full:
        fit[tonic, [0, -1]] += 0.15
    at_bar, within = (0.15, 0.5) if full else (0.0, 0.9)
    change = np.array([at_bar if opens else within for _, _, opens in spans])
    path = estimators.best_path(fit, change)
    chords: list[Chord] = []
    for (start, end, _), state in zip(spans, path, strict=True):
        if chords and chords[-1].label == _TRIADS[state]:
            chords[-1] = chords[-1].model_copy(update={"end": end})
        else:
            chords.append(Chord(start=start, end=end, label=_TRIADS[state]))
    clear = float(np.clip(fit[path, np.arange(len(path))].mean(), 0.0, 1.0))
    return chords, clear * (1.0 if full else 0.6 if low is not None else 0.4)


def _in_key(key: str | None) -> np.ndarray:
    """(24,): 1 for the triads of the key's scale, and for the dominant of a minor key."""
    wanted = np.zeros(24)
    tonic, _, mode = (key or "").partition(" ")
    mode = _SCALES.get(mode, mode)
    if tonic in PITCH_CLASSES and mode in _DIATONIC:
        root = PITCH_CLASSES.index(tonic)
        major, minor = _DIATONIC[mode]
        wanted[[(root + step) % 12 for step in major]] = 1
        wanted[[12 + (root + step) % 12 for step in minor]] = 1
        if mode == "minor":
            wanted[(root + 7) % 12] = 0.7
    return wanted


def _tonic_triad(key: str | None) -> int | None:
    tonic, _, mode = (key or "").partition(" ")
    if tonic not in PITCH_CLASSES:
        return None
    return PITCH_CLASSES.index(tonic) + (12 if _SCALES.get(mode, mode) == "minor" else 0)


# --- voice ------------------------------------------------------------------------------------------------------------


def sung_notes(waveform: np.ndarray) -> list[Note]:
    """(2, samples) at 44.1 kHz of one voice, sung or hummed → its notes. MissingToolError without pyworld."""
    return _sung(waveform)[0]


def _sung(waveform: np.ndarray) -> tuple[list[Note], float]:
    """The notes, and which share of the voiced time is within 50 cents of them.

    The best path of semitones and rests through the pitch track, a frame every 10 ms; the voice's own tuning counts,
    and a dip of the level by 6 dB within a held pitch begins a new note.
    """
    try:
        f0 = pitch_track(waveform)
    except ImportError:
        raise MissingToolError("pyworld", "pip install 'pyworld>=0.3.4' 'setuptools<81'") from None
    frame = round(HOP_SECONDS * SAMPLE_RATE)
    power = np.square(waveform.mean(0), dtype=np.float64)
    rows = np.pad(power, (0, max(0, len(f0) * frame - len(power))))[: len(f0) * frame].reshape(-1, frame).mean(1)
    level = gaussian_filter1d(10 * np.log10(rows + 1e-10), 1.5)
    voiced = (f0 > 0) & (level > max(level.max() - 40, -60))
    if not voiced.any():
        return [], 0.0
    pitch = 69 + 12 * np.log2(np.maximum(f0, 1.0) / 440)
    turn = np.exp(2j * math.pi * pitch[voiced]).mean()
    pitch -= np.angle(turn) / (2 * math.pi) if abs(turn) > 0.2 else 0.0  # tuning, where there is one
    states = np.arange(_LOW, _HIGH + 1)
    fit = np.full((len(states) + 1, len(f0)), -1.0)  # the last one is a rest
    fit[:-1, voiced] = 1 - np.minimum(np.square(pitch[voiced] - states[:, None]) / 0.35, 3.0)
    fit[-1] = np.where(voiced, -0.7, 1.0)
    path = estimators.best_path(fit, 4.0)
    dips = level < np.minimum(_before(level), _before(level[::-1])[::-1]) - 6
    notes: list[Note] = []
    edges = np.flatnonzero((np.diff(path, prepend=-1) != 0) | (np.diff(dips.astype(int), prepend=0) == 1))
    for first, last in itertools.pairwise([*edges.tolist(), len(path)]):
        if path[first] < len(states) and (last - first) * HOP_SECONDS >= _SHORTEST:
            loud = float(np.clip(110 + 2 * (level[first:last].max() - level.max()), 30, 127))
            start, end = first * HOP_SECONDS, last * HOP_SECONDS
            notes.append(Note(start=start, end=end, pitch=int(states[path[first]]), velocity=round(loud)))
    near = voiced & (path < len(states))
    off = np.abs(pitch[near] - states[path[near]])
    return notes, float((off < 0.5).sum() / voiced.sum()) if near.any() else 0.0


def _before(level: np.ndarray, frames: int = 12) -> np.ndarray:
    """The loudest of the ``frames`` before each."""
    padded = np.pad(level, (frames, 0), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, frames)[: len(level)].max(1)
