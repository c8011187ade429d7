"""Does a song play what its Score asks for? Heard by estimators that know no Score, compared by mir_eval's measures.

mir_eval: Raffel et al., ISMIR 2014. A figure can only be read beside the same figure on corpus songs, which play just
what their Scores say: that is the estimators' ceiling.

Of the Score the estimators are told one thing: which pulse it counts as the beat, and how many of them make a bar. That
is a convention of the notation. So tempo, beats and downbeats are judged at the asked metrical level: a song played
25 % too fast is wrong, one that might as well be counted twice as fast is not. ``tempo_any_level`` is heard blindly.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np

from ..corpus.tools import MissingToolError
from ..score import TRACKS, Score, Section
from . import estimators
from .errors import EvaluationError, Figure, check_stems
from .pitch import HOP_SECONDS, pitch_track
from .sound import SAMPLE_RATE, chroma_features, log_mel

SILENT_AFTER = 3.0  # seconds without a note after which even its reverberation is over
_SILENT, _HEARD = 1e-3, 10 ** (-55 / 20)  # of full scale: a silent track, a note that one hears
_FRAME = 441  # samples between the values of an envelope: 10 ms
_MAJOR_MODES = {"major", "mixolydian", "lydian", "ionian"}

FIGURES = {
    "tempo_bpm": Figure("beats per minute", "target", "the tempo that is heard at the asked metrical level"),
    "tempo_error": Figure("share", "low", "of the asked tempo that it is off"),
    "tempo_within_2": Figure("0 or 1", "high", "whether it is within 2 %"),
    "tempo_within_4": Figure("0 or 1", "high", "whether it is within 4 %"),
    "tempo_any_level": Figure("0 or 1", "high", "heard blindly within 4 % of 1, 2, 3, 1/2 or 1/3 of the asked tempo"),
    "beats_f": Figure("F", "high", "of beats within 70 ms, at the asked metrical level"),
    "beats_any_level": Figure("share", "high", "of beats that go on right at any metrical level (AMLt)"),
    "downbeats_f": Figure("F", "high", "of downbeats within 70 ms, at the asked metrical level"),
    "key_right": Figure("0 or 1", "high", "whether tonic and third are those of the asked key"),
    "key_score": Figure("score", "high", "1 the key, 0.5 a fifth above, 0.3 its relative, 0.2 its parallel, else 0"),
    "chords_root": Figure("share of time", "high", "in which the chord's root is right"),
    "chords_majmin": Figure("share of time", "high", "in which root and third are right, of chords with both"),
    "melody_pitch": Figure("share of time", "high", "of held notes within 50 cents (raw pitch accuracy)"),
    "melody_chroma": Figure("share of time", "high", "of held notes within 50 cents in any octave"),
    "voicing_recall": Figure("share of time", "high", "of sung notes in which a voice is heard"),
    "voicing_false_alarm": Figure("share of time", "low", "without a note in which a voice is heard"),
    "drum_onsets_f": Figure("F", "high", "of drum strokes within 50 ms (nearer than 30 ms count as one)"),
    "silence_broken": Figure("share of time", "low", "above −60 dBFS of tracks that rest for more than 3 s"),
    "silence_s": Figure("s", "target", "how much such rest there is"),
    "notes_unheard": Figure("share", "low", "of notes during which their track stays below −55 dBFS"),
    "dynamics_correlation": Figure("-1 … 1", "high", "of planned and heard levels of the sections, mean of tracks"),
    "boundaries_f": Figure("F", "high", "of section boundaries within 3 s, the song's ends left out"),
    "repeat_similarity": Figure("-1 … 1", "high", "of choruses to each other, frame by frame"),
    "contrast_similarity": Figure("-1 … 1", "target", "of choruses to other sections, likewise"),
    "repeat_contrast": Figure("difference", "high", "of the two: 0 where choruses are no more alike than anything"),
}
"""What :func:`measure_music` returns."""


def measure_music(score: Score, stems: dict[str, np.ndarray]) -> dict[str, float | None]:
    """The figures of :data:`FIGURES` for one song, None where the score does not say, or there is nothing to measure.

    Args:
        score: what was asked for.
        stems: the tracks of :data:`songdiff.score.TRACKS`, each (2, samples) at 44.1 kHz; the mix is their sum.

    A track that should sound and is silent scores as wrong. Raises :class:`EvaluationError` for stems that are missing,
    of another shape or more than a second longer or shorter than the score, and MissingToolError without mir_eval.
    """
    samples = check_stems(stems)
    if abs(samples / SAMPLE_RATE - score.duration) > 1.0:
        raise EvaluationError(
            f"stems: {samples / SAMPLE_RATE:.2f} s at 44.1 kHz, but the score lasts {score.duration:.2f} s; "
            "resample them to 44.1 kHz, or give the song's own score"
        )
    mir_eval = _mir_eval()
    figures: dict[str, float | None] = dict.fromkeys(FIGURES)
    mono = {track: stems[track].mean(0) for track in TRACKS}
    chroma = chroma_features(mono["bass"] + mono["other"])
    tones = chroma + chroma_features(mono["vocals"])
    figures |= _pulse(mir_eval, score, mono)
    figures |= _key(mir_eval, score, tones)
    figures |= _chords(mir_eval, score, chroma)
    figures |= _melody(mir_eval, score, stems["vocals"])
    figures |= _drum_onsets(mir_eval, score, mono["drums"])
    figures |= measure_silence(score, stems)
    figures |= _dynamics(score, mono)
    figures |= _form(mir_eval, score, mono, tones)
    return figures


def _mir_eval() -> ModuleType:
    try:
        import mir_eval
    except ImportError:
        raise MissingToolError("mir_eval", "pip install 'mir_eval>=0.8'") from None
    return mir_eval


# --- time -------------------------------------------------------------------------------------------------------------


def _pulse(mir_eval: ModuleType, score: Score, mono: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Where drums, bass or other have notes: nobody taps to a lone voice."""
    if (score.tempo is None and score.beats is None) or not any(score.track_notes(track) for track in TRACKS[1:]):
        return {}
    band = mono["bass"] + mono["other"]
    times = [beat.time for beat in score.beats or []]
    tempo = score.tempo or (60 / float(np.median(np.diff(times))) if len(times) > 1 else None)
    metre = max((beat.position for beat in score.beats or []), default=None)
    heard = estimators.pulse(mono["drums"], band, tempo, metre)
    figures: dict[str, float | None] = {"tempo_bpm": heard.tempo or None}
    if score.tempo is not None:
        error = float(abs(heard.tempo / score.tempo - 1))
        figures |= {"tempo_error": error}
        figures |= {"tempo_within_2": float(error <= 0.02), "tempo_within_4": float(error <= 0.04)}
        blind = estimators.pulse(mono["drums"], band).tempo
        levels = [abs(blind / (level * score.tempo) - 1) for level in (1, 2, 3, 1 / 2, 1 / 3)]
        figures["tempo_any_level"] = float(min(levels) <= 0.04)
    if score.beats:
        beats = np.array([beat.time for beat in score.beats if beat.time <= score.duration])
        downbeats = np.array([beat.time for beat in score.beats if beat.position == 1 and beat.time <= score.duration])
        figures["beats_f"] = _f_measure(mir_eval, beats, heard.beats)
        if len(beats) > 1:
            right = mir_eval.beat.continuity(beats, heard.beats)[3] if len(heard.beats) > 1 else 0.0
            figures["beats_any_level"] = float(right)
        figures["downbeats_f"] = _f_measure(mir_eval, downbeats, heard.downbeats)
    return figures


def _f_measure(mir_eval: ModuleType, asked: np.ndarray, heard: np.ndarray) -> float | None:
    if not len(asked):
        return None
    return float(mir_eval.beat.f_measure(asked, heard)) if len(heard) else 0.0


def _drum_onsets(mir_eval: ModuleType, score: Score, drums: np.ndarray) -> dict[str, float | None]:
    asked: list[float] = []
    for note in score.track_notes("drums") or []:
        if not asked or note.start - asked[-1] > 0.03:
            asked.append(note.start)
    if not asked:
        return {}
    heard = estimators.onsets(drums)
    return {"drum_onsets_f": float(mir_eval.onset.f_measure(np.array(asked), heard)[0]) if len(heard) else 0.0}


# --- pitch ------------------------------------------------------------------------------------------------------------


def _key(mir_eval: ModuleType, score: Score, tones: np.ndarray) -> dict[str, float | None]:
    """Where the song is in its own key. Modes count as the major or minor whose third they have."""
    if score.key is None or not score.track_notes("other"):
        return {}
    tonic, _, mode = score.key.partition(" ")
    own = np.ones(tones.shape[1], bool)
    for section in score.sections or []:
        if section.key not in (None, score.key):
            own[_frames(section.start, section.end, SAMPLE_RATE / 2048, tones.shape[1])] = False
    heard = estimators.key(tones[:, own])
    asked = f"{tonic} {'major' if mode in _MAJOR_MODES else 'minor'}"
    agreement = float(mir_eval.key.weighted_score(asked, heard)) if heard else 0.0
    return {"key_right": float(agreement == 1.0), "key_score": agreement}


def _chords(mir_eval: ModuleType, score: Score, chroma: np.ndarray) -> dict[str, float | None]:
    """A chord counts as long as it lasts; chords without a third are left out of ``chords_majmin``."""
    asked = [chord for chord in score.chords or [] if chord.end - chord.start > 0.01]
    if not asked or not (score.track_notes("bass") or score.track_notes("other")):
        return {}
    heard_spans, heard = estimators.chords(chroma)
    spans = np.array([(chord.start, chord.end) for chord in asked])
    labels = [chord.label.replace(":6", ":maj6") for chord in asked]
    heard_spans, heard = mir_eval.util.adjust_intervals(heard_spans, heard, spans.min(), spans.max(), "N", "N")
    merged, labels, heard = mir_eval.util.merge_labeled_intervals(spans, labels, heard_spans, heard)
    lasts = mir_eval.util.intervals_to_durations(merged)
    figures: dict[str, float | None] = {}
    for name, compare in (("chords_root", mir_eval.chord.root), ("chords_majmin", mir_eval.chord.majmin)):
        right = compare(labels, heard)
        if (lasts * (right >= 0)).sum() > 0:
            figures[name] = float(mir_eval.chord.weighted_accuracy(right, lasts))
    return figures


def _melody(mir_eval: ModuleType, score: Score, vocals: np.ndarray) -> dict[str, float | None]:
    """Every 10 ms, save where a harmony sings along (pitch trackers follow one voice) and in rapped songs.

    Raw pitch and chroma judge the pitch whether or not the tracker takes it for a voice: gaps are filled between their
    neighbours; scoop and glide, a note's first and last 80 ms, are left out. A rest begins and ends 0.15 s from any
    note or phoneme; a voice is what has a pitch and is within 40 dB of the song's loudest.
    """
    if score.melody is None or (score.singer is not None and score.singer.style == "rap"):
        return {}
    f0 = pitch_track(vocals)
    times = np.arange(len(f0)) * HOP_SECONDS
    loudest = np.resize(np.append(_loudest(vocals), 0.0), len(f0))
    voiced = (f0 > 0) & (loudest > max(0.01 * loudest.max(initial=0.0), _SILENT))
    asked, held = np.zeros(len(f0)), np.zeros(len(f0), bool)
    rests, alone = np.ones(len(f0), bool), np.ones(len(f0), bool)
    for note in score.melody:
        asked[_frames(note.start, note.end, 100, len(f0))] = 440 * 2 ** ((note.pitch - 69) / 12)
        held[_frames(note.start + 0.08, max(note.end - 0.08, note.start + 0.08), 100, len(f0))] = True
    for span in (*score.melody, *(score.phonemes or []), *(score.backing or [])):
        rests[_frames(span.start - 0.15, span.end + 0.15, 100, len(f0))] = False
    for backing in score.backing or []:
        if backing.kind == "harmony":
            alone[_frames(backing.start, backing.end, 100, len(f0))] = False
    figures: dict[str, float | None] = {}
    known = alone & (rests | (asked > 0))
    recall, alarm = mir_eval.melody.voicing_measures(asked[known] > 0, voiced[known])
    if (alone & (asked > 0)).any():
        figures["voicing_recall"] = float(recall)
    if (alone & rests).any():
        figures["voicing_false_alarm"] = float(alarm)
    at = alone & held & (asked > 0)
    if at.any():
        tracked = f0 > 0
        guess = np.interp(times, times[tracked], f0[tracked]) if tracked.any() else np.ones(len(f0))
        cents = [mir_eval.melody.hz2cents(hertz[at]) for hertz in (asked, guess)]
        everywhere = np.ones(int(at.sum()), bool)
        for name, measure in (
            ("melody_pitch", mir_eval.melody.raw_pitch_accuracy),
            ("melody_chroma", mir_eval.melody.raw_chroma_accuracy),
        ):
            figures[name] = float(measure(everywhere, cents[0], everywhere, cents[1]))
    return figures


# --- level ------------------------------------------------------------------------------------------------------------


def measure_silence(score: Score, stems: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Rests of all tracks together, and notes of all tracks together."""
    broken = rests = unheard = notes = 0
    for track in TRACKS:
        played = score.track_notes(track)
        if played is None:
            continue
        loudest = _loudest(stems[track])
        resting = np.ones(len(loudest), bool)
        for start, end in _sounding(score, track):
            resting[_frames(start - 0.05, end + SILENT_AFTER, SAMPLE_RATE / _FRAME, len(loudest))] = False
        rests, broken = rests + int(resting.sum()), broken + int((loudest[resting] > _SILENT).sum())
        for note in played:
            frames = _frames(note.start, max(note.end, note.start + 0.06), SAMPLE_RATE / _FRAME, len(loudest))
            unheard += int(loudest[frames].max(initial=0.0) < _HEARD)
        notes += len(played)
    return {
        "silence_s": rests * _FRAME / SAMPLE_RATE,
        "silence_broken": broken / rests if rests else None,
        "notes_unheard": unheard / notes if notes else None,
    }


def _sounding(score: Score, track: str) -> Iterator[tuple[float, float]]:
    """(start, end) in seconds of what a track plays or sings, with 0.7 s to draw breath."""
    for note in score.track_notes(track) or []:
        yield note.start, note.end
    if track == "vocals":
        for phoneme in score.phonemes or []:
            yield phoneme.start - 0.7, phoneme.end
        for backing in score.backing or []:
            yield from ((note.start, note.end) for note in backing.notes)


def _loudest(stem: np.ndarray) -> np.ndarray:
    """(2, samples) → the largest magnitude in every 10 ms."""
    peaks = np.abs(stem).max(0)
    return np.pad(peaks, (0, -len(peaks) % _FRAME)).reshape(-1, _FRAME).max(1)


def _dynamics(score: Score, mono: dict[str, np.ndarray]) -> dict[str, float | None]:
    """Of each track whose plan moves, over at least three sections in which it plays; the mean of the tracks.

    Levels are those of the 50 ms frames within 30 dB of the section's loudest: how loud it plays, not how much.
    """
    correlations = []
    for track, levels in (score.dynamics or {}).items():
        points = sorted((level.time, level.decibels) for level in levels)
        rows = []
        for section in score.sections or []:
            loud = _active_level(mono[track], section)
            if points and loud > -70:
                times = np.linspace(section.start, section.end, 21)[2:-2]
                curve = np.interp(times, [time for time, _ in points], [decibels for _, decibels in points])
                rows.append((float(curve.mean()), loud))
        if len(rows) > 2 and np.std([planned for planned, _ in rows]) > 0.5:
            planned, heard = np.array(rows).T
            correlations.append(float(np.corrcoef(planned, heard)[0, 1]) if heard.std() > 1e-6 else 0.0)
    return {"dynamics_correlation": _mean(correlations)}


def _active_level(mono: np.ndarray, section: Section) -> float:
    stretch, frame = mono[round(section.start * SAMPLE_RATE) : round(section.end * SAMPLE_RATE)], SAMPLE_RATE // 20
    power = np.square(stretch[: len(stretch) // frame * frame], dtype=np.float64).reshape(-1, frame).mean(1)
    if power.max(initial=0.0) < 1e-10:
        return -200.0
    return float(10 * np.log10(power[power > power.max() / 1000].mean()))


# --- form -------------------------------------------------------------------------------------------------------------


def _form(
    mir_eval: ModuleType, score: Score, mono: dict[str, np.ndarray], tones: np.ndarray
) -> dict[str, float | None]:
    """Boundaries from half seconds of chroma and of each track's spectrum, similarity of choruses from tenths."""
    sections = [section for section in score.sections or [] if section.end - section.start > 0.1]
    if len(sections) < 2:
        return {}
    bands = np.concatenate([log_mel(mono[track], 10, 2048, 2048) for track in TRACKS])
    features = _standard(np.concatenate([tones / 2, bands[:, : tones.shape[1]]]), SAMPLE_RATE / 2048)
    spans = np.array([(section.start, section.end) for section in sections])
    edges = estimators.boundaries(features, 2.0)
    edges = np.concatenate([[0.0], edges[(edges > 1) & (edges < spans.max() - 1)], [spans.max()]])
    heard = np.array(list(itertools.pairwise(edges)))
    figures: dict[str, float | None] = {
        "boundaries_f": float(mir_eval.segment.detection(spans, heard, window=3.0, trim=True)[2])
    }
    detail = np.concatenate([tones, log_mel(np.sum([*mono.values()], axis=0), 24, 2048, 2048)[:, : tones.shape[1]]])
    return figures | _repeats(score, sections, _standard(detail, SAMPLE_RATE / 2048, 10.0))


def _repeats(score: Score, sections: list[Section], features: np.ndarray) -> dict[str, float | None]:
    """Mean cosine of frames at equal times from the sections' starts; sections in other keys are left out."""
    inside = [
        (s.label, features[:, round(10 * s.start) : round(10 * s.end)]) for s in sections if s.key in (None, score.key)
    ]
    alike: list[float] = []
    unlike: list[float] = []
    for (label, a), (other, b) in itertools.combinations(inside, 2):
        frames = min(a.shape[1], b.shape[1])
        if "chorus" in (label, other) and frames >= 20:
            norms = np.linalg.norm(a[:, :frames], axis=0) * np.linalg.norm(b[:, :frames], axis=0)
            cosine = float(((a[:, :frames] * b[:, :frames]).sum(0) / np.maximum(norms, 1e-9)).mean())
            (alike if label == other else unlike).append(cosine)
    repeat, contrast = _mean(alike), _mean(unlike)
    known = repeat is not None and contrast is not None
    return {
        "repeat_similarity": repeat,
        "contrast_similarity": contrast,
        "repeat_contrast": repeat - contrast if known else None,  # type: ignore[operator]
    }


def _standard(features: np.ndarray, rate: float, wanted: float = 2.0) -> np.ndarray:
    """(d, frames) at ``rate`` → at ``wanted`` frames a second, by means, every feature of mean 0 and deviation 1."""
    count = max(1, int(features.shape[1] / rate * wanted))
    edges = np.round(np.arange(count + 1) * rate / wanted).astype(int)
    means = np.stack([features[:, a : max(a + 1, b)].mean(1) for a, b in itertools.pairwise(edges)], 1)
    return (means - means.mean(1, keepdims=True)) / (means.std(1, keepdims=True) + 1e-3)


def _frames(start: float, end: float, rate: float, count: int) -> slice:
    return slice(max(0, min(count, round(start * rate))), max(0, min(count, round(end * rate))))


def _mean(values: Iterable[float]) -> float | None:
    known: list[Any] = list(values)
    return float(np.mean(known)) if known else None
