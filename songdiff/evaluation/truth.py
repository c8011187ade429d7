"""Is what a Score says true of the sound? Every annotation measured again from the stems alone.

The figures are meant for songs whose Score is known to the singer and the players (the corpus); on a model's songs they
say how well it follows. Knows the Score and samples; nothing of how they were made.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyworld
from scipy.ndimage import uniform_filter1d
from scipy.signal import butter, resample_poly, sosfiltfilt, stft

from ..lyrics.phonemes import VOWELS
from ..score import TRACKS, Note, Score, chord_pitch_classes

SAMPLE_RATE = 44100
UNVOICED = frozenset("p t k f θ s ʃ h tʃ x ç ts ɕ tɕ pʰ tʰ kʰ tsʰ tɕʰ ʂ tʂ tʂʰ ɸ".split())
SILENT_AFTER = 3.0  # seconds without a note after which even its reverberation is over
_FLOOR = -200.0  # dBFS that stands for nothing at all
_HOP = 44  # samples between the values of an envelope, about a millisecond


def measure_truth(score: Score, stems: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Measure a song against its score.

    Args:
        score: what should be heard; a field that is None is not measured.
        stems: the tracks of :data:`songdiff.score.TRACKS`, each (2, samples) at 44.1 kHz.

    Returns: figures, None where there is nothing to measure:
        ``pitch_cents``       median over sung vowels of | median f0 − note |
        ``pitch_frame_cents`` median over their frames of | f0 − note |, vibrato and all
        ``vowel_onset_ms``    median | onset − phoneme start | of vowels after silence or an unvoiced consonant
        ``vowel_bias_ms``     its median with its sign: positive where the sound is late
        ``beat_ms``           median | drum onset − beat |, of beats with a kick
        ``beat_bias_ms``      with its sign
        ``chords_right``      share of chords of known third whose triad is the best of 24 in bass + other
        ``chord_roots_right`` share of chords whose pitch classes fit there better than their eleven transpositions
        ``section_ms``        the farthest that a section's start lies from a bar line
        ``dynamics_right``    share of planned changes (2 dB and more, between sections) that are heard the same way
        ``silence_dbfs``      the loudest sample where a track rests for more than 3 s, less the first 3 s
        ``notes_heard``       share of notes during which their stem is above −55 dBFS
        and the number of things measured: ``vowels, vowel_onsets, beats, chords, sections, changes, silence_seconds``.
    """
    figures: dict[str, Any] = {}
    figures |= _pitch(score, stems["vocals"])
    figures |= _vowel_onsets(score, stems["vocals"])
    figures |= _beats(score, stems["drums"])
    figures |= _chords(score, stems["bass"] + stems["other"])
    figures |= _sections(score)
    figures |= _dynamics(score, stems)
    figures |= _silence(score, stems)
    figures["notes_heard"] = _notes_heard(score, stems)
    return figures


# --- voice ------------------------------------------------------------------------------------------------------------


def _pitch(score: Score, vocals: np.ndarray) -> dict[str, Any]:
    """Of notes under vowels, from 80 ms after the onset (scoop, glide) to 50 ms before the end.

    Without those that a harmony sings along: pitch trackers follow one voice.
    """
    low = np.ascontiguousarray(resample_poly(vocals.mean(0), 1, 4), dtype=np.float64)
    if not score.melody or not score.phonemes or not low.any():
        return {"pitch_cents": None, "pitch_frame_cents": None, "vowels": 0}
    f0, times = pyworld.dio(low, SAMPLE_RATE // 4, f0_floor=60.0, f0_ceil=900.0, frame_period=5.0)
    f0 = pyworld.stonemask(low, f0, times, SAMPLE_RATE // 4)
    harmonies = [backing for backing in score.backing or [] if backing.kind == "harmony"]
    by_vowel, by_frame = [], []
    for vowel in (phoneme for phoneme in score.phonemes if phoneme.symbol in VOWELS):
        if any(vowel.start < harmony.end and harmony.start < vowel.end for harmony in harmonies):
            continue
        for note in score.melody:
            start, end = max(vowel.start, note.start) + 0.08, min(vowel.end, note.end) - 0.05
            if end - start < 0.04:
                continue
            voiced = f0[(times >= start) & (times < end) & (f0 > 0)]
            if len(voiced) >= 4:
                cents = 100 * (69 + 12 * np.log2(voiced / 440.0) - note.pitch)
                by_vowel.append(abs(float(np.median(cents))))
                by_frame.append(np.abs(cents))
    return {
        "pitch_cents": _median(by_vowel),
        "pitch_frame_cents": _median(np.concatenate(by_frame)) if by_frame else None,
        "vowels": len(by_vowel),
    }


def _vowel_onsets(score: Score, vocals: np.ndarray) -> dict[str, Any]:
    """Where the band of voicing, 100–1000 Hz, passes a third of its amplitude in the vowel's first 120 ms."""
    late = []
    if score.phonemes and vocals.any():
        band = butter(2, [100, 1000], "band", fs=SAMPLE_RATE, output="sos")
        envelope = _envelope(sosfiltfilt(band, vocals.mean(0)), 0.008)
        for before, vowel in itertools.pairwise([None, *sorted(score.phonemes, key=lambda phoneme: phoneme.start)]):
            if vowel is None or vowel.symbol not in VOWELS or vowel.end - vowel.start < 0.06:
                continue
            rested = before is None or vowel.start - before.end > 0.3
            if rested or (before is not None and before.symbol in UNVOICED and vowel.start - before.end < 0.02):
                onset = _crossing(envelope, vowel.start, min(vowel.end, vowel.start + 0.12))
                if onset is not None:
                    late.append(1000 * (onset - vowel.start))
    return {"vowel_onset_ms": _median(np.abs(late)), "vowel_bias_ms": _median(late), "vowel_onsets": len(late)}


def _crossing(envelope: np.ndarray, start: float, end: float) -> float | None:
    """The last time from 100 ms before ``start`` that the envelope rises through a third of its maximum by ``end``."""
    first = max(0, round((start - 0.1) * SAMPLE_RATE / _HOP))
    stretch = envelope[first : round(end * SAMPLE_RATE / _HOP)]
    if len(stretch) < 2 or stretch.max() < 1e-5:
        return None
    top = int(stretch.argmax())
    below = np.flatnonzero(stretch[:top] < stretch[top] / 3)
    return (first + below[-1] + 1) * _HOP / SAMPLE_RATE if len(below) else None


# --- band -------------------------------------------------------------------------------------------------------------


def _beats(score: Score, drums: np.ndarray) -> dict[str, Any]:
    """Where the drums' level rises the most within 60 ms of a beat that has a kick (planned within 30 ms of it).

    Above 300 Hz: a kick's own low oscillation rises and falls many times.
    """
    kicks = np.array([note.start for note in score.track_notes("drums") or [] if note.pitch in (35, 36)])
    late = []
    if len(kicks) and score.beats and drums.any():
        strokes = sosfiltfilt(butter(2, 300, "high", fs=SAMPLE_RATE, output="sos"), drums.mean(0))
        level = 20 * np.log10(_envelope(strokes, 0.004) + 1e-4)
        rise = level[6:] - level[:-6]  # around the index + 3
        for beat in score.beats:
            around = round(beat.time * SAMPLE_RATE / _HOP) + np.arange(-60, 61)
            inside = around[(around >= 3) & (around < len(rise) + 3)]
            if len(inside) > 60 and np.abs(kicks - beat.time).min() < 0.03 and rise[inside - 3].max() > 6:
                late.append(1000 * (inside[rise[inside - 3].argmax()] * _HOP / SAMPLE_RATE - beat.time))
    return {"beat_ms": _median(np.abs(late)), "beat_bias_ms": _median(late), "beats": len(late)}


def _chords(score: Score, band: np.ndarray) -> dict[str, Any]:
    """Triads, and roots given the quality, heard over each chord of half a second and more, less its first 50 ms.

    Symmetrical chords (aug, dim7), whose root cannot be heard, are left out.
    """
    features, times = _chroma(band)
    triads, roots = [], []
    for chord in score.chords or []:
        root, pitch_classes = chord_pitch_classes(chord.label)
        end = min(chord.end, score.duration)
        heard = features[:, (times >= chord.start + 0.05) & (times < end - 0.05)].sum(1)
        if root is None or chord.label.endswith((":aug", ":dim7")) or end - chord.start < 0.5 or heard.max() < 1e-3:
            continue
        steps = tuple((pitch_class - root) % 12 for pitch_class in pitch_classes)
        roots.append(_best(heard, [steps])[0] == root)
        thirds = [third for third in (4, 3) if third in steps]
        if thirds:
            triads.append(_best(heard, [(0, 4, 7), (0, 3, 7)]) == (root, 0 if thirds[0] == 4 else 1))
    return {"chords_right": _share(triads), "chord_roots_right": _share(roots), "chords": len(triads)}


def _chroma(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(12, frames) and the frames' times: roots of magnitudes between 60 and 1000 Hz, so that no partial dominates."""
    mono = np.pad(resample_poly(waveform.mean(0), 1, 4), (0, 4096))
    frequencies, times, spectrum = stft(mono, SAMPLE_RATE / 4, nperseg=4096, noverlap=3072)
    bins = np.flatnonzero((frequencies > 60) & (frequencies < 1000))
    features = np.zeros((12, len(times)))
    np.add.at(
        features, np.round(69 + 12 * np.log2(frequencies[bins] / 440)).astype(int) % 12, np.abs(spectrum[bins]) ** 0.5
    )
    return features, times


def _best(heard: np.ndarray, qualities: list[tuple[int, ...]]) -> tuple[int, int]:
    """(root, index of the quality) whose pitch classes hold the most of ``heard`` (12,) over its average."""
    over = heard - heard.mean()
    scores = [[over[[(root + step) % 12 for step in steps]].sum() for steps in qualities] for root in range(12)]
    root, quality = np.unravel_index(int(np.argmax(scores)), np.shape(scores))
    return int(root), int(quality)


def _sections(score: Score) -> dict[str, Any]:
    """The form against the bars, sections against each other (they must follow without gaps)."""
    downbeats = np.array([beat.time for beat in score.beats or [] if beat.position == 1])
    if not score.sections or not len(downbeats):
        return {"section_ms": None, "sections": 0}
    off = [float(np.abs(downbeats - section.start).min()) for section in score.sections[1:]]
    off += [abs(a.end - b.start) for a, b in itertools.pairwise(score.sections)]
    return {"section_ms": 1000 * max(off, default=0.0), "sections": len(score.sections)}


def _dynamics(score: Score, stems: dict[str, np.ndarray]) -> dict[str, Any]:
    """Changes of a track's level from section to section: planned, and heard."""
    right = []
    for track, levels in (score.dynamics or {}).items():
        points = sorted((level.time, level.decibels) for level in levels)
        if not points or not stems[track].any():
            continue
        rows = []
        for section in score.sections or []:
            times = np.linspace(section.start, section.end, 21)[2:-2]
            planned = float(np.mean(np.interp(times, [p[0] for p in points], [p[1] for p in points])))
            rows.append((planned, _active_level(stems[track], section.start, section.end)))
        for (plan_a, heard_a), (plan_b, heard_b) in itertools.pairwise(rows):
            if abs(plan_b - plan_a) >= 2.0 and min(heard_a, heard_b) > -70:
                right.append((heard_b - heard_a) * (plan_b - plan_a) > 0)
    return {"dynamics_right": _share(right), "changes": len(right)}


# --- silence ----------------------------------------------------------------------------------------------------------


def _silence(score: Score, stems: dict[str, np.ndarray]) -> dict[str, Any]:
    loudest, seconds = 0.0, 0.0
    for track in TRACKS:
        spans = _sounding(score, track)
        last = -SILENT_AFTER
        for start, end in [*(spans or []), (score.duration, score.duration)] if spans is not None else []:
            quiet = stems[track][:, round((last + SILENT_AFTER) * SAMPLE_RATE) : round((start - 0.02) * SAMPLE_RATE)]
            if start - last > SILENT_AFTER + 0.02 and quiet.size:
                loudest, seconds = max(loudest, float(np.abs(quiet).max())), seconds + quiet.shape[1] / SAMPLE_RATE
            last = max(last, end)
    decibels = max(_FLOOR, 20 * float(np.log10(max(loudest, 1e-10))))
    return {"silence_dbfs": decibels if seconds else None, "silence_seconds": seconds}


def _sounding(score: Score, track: str) -> list[tuple[float, float]] | None:
    """(start, end) in seconds, in order, of what a track plays or sings (with 0.7 s to draw breath); None: unknown."""
    notes = score.track_notes(track)
    if notes is None:
        return None
    spans = [(note.start, note.end) for note in notes]
    if track == "vocals":
        spans += [(phoneme.start - 0.7, phoneme.end) for phoneme in score.phonemes or []]
        spans += [(note.start, note.end) for backing in score.backing or [] for note in backing.notes]
    return sorted(spans)


def _notes_heard(score: Score, stems: dict[str, np.ndarray]) -> float | None:
    heard = []
    for track in TRACKS:
        envelope = _envelope(stems[track].mean(0), 0.01)
        for note in score.track_notes(track) or []:
            heard.append(_loudest(envelope, note) > 10 ** (-55 / 20))
    return _share(heard)


def _loudest(envelope: np.ndarray, note: Note) -> float:
    first = round(note.start * SAMPLE_RATE / _HOP)
    return float(envelope[first : max(first + 60, round(note.end * SAMPLE_RATE / _HOP))].max(initial=0.0))


# --- arithmetic -------------------------------------------------------------------------------------------------------


def _envelope(mono: np.ndarray, window: float) -> np.ndarray:
    """RMS over ``window`` seconds around every :data:`_HOP`-th sample."""
    power = uniform_filter1d(np.square(mono, dtype=np.float64), round(window * SAMPLE_RATE), mode="constant")
    return np.sqrt(np.maximum(power[::_HOP], 0))


def _active_level(stem: np.ndarray, start: float, end: float) -> float:
    """RMS in dBFS of a stretch, over its 50 ms frames within 30 dB of the loudest."""
    stretch = stem[:, round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
    frame = SAMPLE_RATE // 20
    power = np.square(stretch[:, : stretch.shape[1] // frame * frame]).reshape(2, -1, frame).mean(axis=(0, 2))
    if not power.size or power.max() <= 0:
        return _FLOOR
    return float(10 * np.log10(power[power > power.max() / 1000].mean()))


def _median(values: Any) -> float | None:
    return float(np.median(values)) if len(values) else None


def _share(values: list[bool]) -> float | None:
    return sum(values) / len(values) if values else None
