"""Excerpts to send through autoencoder and vocoder: stems and mixes of held-out songs with their Scores, recordings;
and what can be heard in one without comparing waveforms: sung lines, phonemes, drum strokes, stereo width.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..audio import FORMATS, read_audio
from ..corpus.shards import CorpusSong, read_corpus, read_stem
from ..errors import InputError
from ..score import TRACKS, Score, Span
from .benchmark_set import load_benchmark
from .errors import Figure
from .fidelity import stereo_width
from .measures import Figures

SAMPLE_RATE = 44100
SECONDS = 20.0  # that an excerpt lasts, at most
KINDS = ("vocals", "drums", "bass", "other", "mix")
RECORDING = "recording"
_TRIES = 20  # places looked at for one where the track plays half of the time
_SAME_STROKE = 0.03  # seconds within which strokes count as one
_MARGIN = 0.1  # seconds heard before the first whole line and after the last

FIGURES = {
    "lines_identified": Figure("share", "high", "of English sung lines that pocketsphinx tells from nine others"),
    "phoneme_error": Figure("rate", "low", "of our recogniser, over the lines that lie within the excerpt"),
    "drum_onsets_f": Figure("F", "high", "of the Score's drum strokes within 50 ms"),
    "width_db": Figure("dB", "target", "mean level of side to mid, in four bands, where audible"),
}
"""What :func:`prepare_judges` can measure."""

Judge = Callable[["Excerpt", np.ndarray], Figures]


@dataclass(frozen=True)
class Excerpt:
    """``read()`` gives (2, samples) float32 at 44.1 kHz; ``kind`` is one of :data:`KINDS`, or a "recording".

    ``score`` holds what lies wholly within the excerpt, its times from the excerpt's start: lines with their words and
    phonemes, and the drums. None for recordings.
    """

    name: str
    kind: str
    score: Score | None
    read: Callable[[], np.ndarray] = field(repr=False)


def corpus_excerpts(corpus: Path, count: int) -> list[Excerpt]:
    """:func:`choose_excerpts` of a corpus's held-out songs.

    Raises :class:`~songdiff.errors.InputError` where there is no corpus, or no held-out songs.
    """
    songs = list(read_corpus(corpus, "test", verify=False))
    if not songs:
        raise InputError(
            f"{corpus}: holds no held-out songs; build a longer corpus (8 songs of every 160 are held out)"
        )
    return choose_excerpts(songs, count)


def choose_excerpts(songs: Sequence[CorpusSong], count: int, seconds: float = SECONDS, seed: int = 0) -> list[Excerpt]:
    """``count`` excerpts: vocals, drums, bass, other, mix in turn, from songs and places where they play.

    The same songs and seed give the same excerpts, and a smaller count the first of them.
    """
    rng = np.random.default_rng(seed)
    chosen = []
    for kind in itertools.islice(itertools.cycle(KINDS), count):
        for _ in range(_TRIES):
            song = songs[int(rng.integers(len(songs)))]
            start = round(float(rng.uniform(0, max(0.0, song.score.duration - seconds - 0.01))), 2)
            end = min(start + seconds, song.score.duration)
            if kind == "mix" or _played(song.score, kind, start, end) >= (end - start) / 2:
                break
        score = _within(song.score, start, end)
        chosen.append(Excerpt(f"{song.id} {start:.2f} s", kind, score, partial(_read, song, kind, start, end)))
    return chosen


def recordings(target: Path, seconds: float = SECONDS) -> list[Excerpt]:
    """The middle of an audio file, or of every audio file of a folder, at any sample rate.

    Raises :class:`~songdiff.errors.InputError` for a missing file or a folder without audio; files are read later.
    """
    if target.is_dir():
        paths = sorted(path for path in target.iterdir() if path.suffix.lower() in FORMATS)
        if not paths:
            raise InputError(f"{target}: neither a corpus nor a folder with audio ({', '.join(FORMATS)})")
    elif target.is_file():
        paths = [target]
    else:
        raise InputError(f"{target}: no such corpus, audio file or folder of audio files")
    return [Excerpt(path.name, RECORDING, None, partial(_middle, path, seconds)) for path in paths]


def _middle(path: Path, seconds: float) -> np.ndarray:
    waveform = read_audio(path, SAMPLE_RATE)
    length = round(seconds * SAMPLE_RATE)
    start = max(0, (waveform.shape[1] - length) // 2)
    return waveform[:, start : start + length]


def _read(song: CorpusSong, kind: str, start: float, end: float) -> np.ndarray:
    first, frames = round(start * SAMPLE_RATE), round((end - start) * SAMPLE_RATE)
    tracks = TRACKS if kind == "mix" else (kind,)
    return np.stack([read_stem(song, track, first, frames) for track in tracks]).sum(axis=0)


def _played(score: Score, track: str, start: float, end: float) -> int:
    """Seconds of the song, from ``start`` to ``end``, in which a note of the track sounds."""
    notes = score.track_notes(track) or []
    return len({s for note in notes for s in range(int(max(note.start, start)), int(min(note.end, end)) + 1)})


def _within(score: Score, start: float, end: float) -> Score:
    """What lies wholly between, moved to begin at 0: lines, their words and phonemes, drums (None where unknown)."""
    own_lines = [i for i, line in enumerate(score.lines or []) if start <= line.start and line.end <= end]
    own_words = [i for i, word in enumerate(score.words or []) if word.line in own_lines]
    lines = [(score.lines or [])[i] for i in own_lines]
    words = [(score.words or [])[i] for i in own_words]
    phonemes = [phoneme for phoneme in score.phonemes or [] if phoneme.word in own_words]
    drums = [note for note in score.track_notes("drums") or [] if start <= note.start < end]

    def moved(span: Span, **links: int) -> dict[str, Any]:
        return span.model_dump() | links | {"start": max(0.0, span.start - start), "end": max(0.0, span.end - start)}

    return Score.model_validate(
        {
            "duration": end - start,
            "language": score.language,
            "lines": [moved(line) for line in lines],
            "words": [moved(word, line=own_lines.index(word.line)) for word in words],
            "phonemes": [moved(phoneme, word=own_words.index(phoneme.word)) for phoneme in phonemes],
            "parts": [{"track": "drums", "instrument": "drums", "notes": [moved(note) for note in drums]}],
        }
    )


def drum_strokes(score: Score) -> np.ndarray:
    """Seconds of the drums' strokes; those within 30 ms of another count as one."""
    strokes: list[float] = []
    for note in score.track_notes("drums") or []:
        if not strokes or note.start - strokes[-1] > _SAME_STROKE:
            strokes.append(note.start)
    return np.array(strokes)


# --- judges -----------------------------------------------------------------------------------------------------------


def prepare_judges(excerpts: Sequence[Excerpt], recogniser: str | None = None) -> tuple[list[Judge], list[str]]:
    """What can be heard here, and one line for each of :data:`FIGURES` that cannot and why.

    ``recogniser`` is a folder; None for the one that comes with songdiff.
    """
    judges: list[Judge] = []
    missing = []
    for name, prepare in (
        ("lines_identified", partial(_lines, excerpts)),
        ("phoneme_error", partial(_words, recogniser)),
        ("drum_onsets_f", _onsets),
        ("width_db", lambda: _width),
    ):
        try:
            judges.append(prepare())
        except (ImportError, InputError) as error:
            missing.append(f"{name} is not measured: {error}")
    return judges, missing


def _lines(excerpts: Sequence[Excerpt]) -> Judge:
    """Distractors are the other excerpts' lines and the benchmark's; the same for every waveform of an excerpt."""
    import pocketsphinx  # noqa: F401

    from .lines import line_identification

    scores = [excerpt.score for excerpt in excerpts if excerpt.score and excerpt.score.language.startswith("en")]
    others = [line.text for score in scores for line in score.lines or []]
    others += [line.text for item in load_benchmark() for line in item.score.lines or [] if item.english]
    others = list(dict.fromkeys(others))

    def judge(excerpt: Excerpt, waveform: np.ndarray) -> Figures:
        score = excerpt.score
        if excerpt.kind != "vocals" or not score or not score.lines or not score.language.startswith("en"):
            return {}
        rng = np.random.default_rng(list(excerpt.name.encode()))
        right, heard = line_identification(score, waveform, others, rng)
        return {"lines_identified": right / heard}

    return judge


def _words(recogniser: str | None) -> Judge:
    from .words import hear, load_recogniser, words_heard

    listener = load_recogniser(recogniser)

    def judge(excerpt: Excerpt, waveform: np.ndarray) -> Figures:
        score = excerpt.score
        if excerpt.kind not in ("vocals", "mix") or not score or not score.lines or not score.phonemes:
            return {}
        first = min(phoneme.start for phoneme in score.phonemes) - _MARGIN
        last = max(phoneme.end for phoneme in score.phonemes) + _MARGIN
        heard = hear(listener, waveform[:, max(0, round(first * SAMPLE_RATE)) : round(last * SAMPLE_RATE)])
        return {"phoneme_error": words_heard(heard, score, listener).error_rate}

    return judge


def _onsets() -> Judge:
    import mir_eval

    from .estimators import onsets

    def judge(excerpt: Excerpt, waveform: np.ndarray) -> Figures:
        if excerpt.kind != "drums" or excerpt.score is None:
            return {}
        asked, heard = drum_strokes(excerpt.score), onsets(waveform.mean(0))
        if not len(asked):
            return {}
        return {"drum_onsets_f": float(mir_eval.onset.f_measure(asked, heard)[0]) if len(heard) else 0.0}

    return judge


def _width(excerpt: Excerpt, waveform: np.ndarray) -> Figures:
    levels, heard = stereo_width(waveform)
    return {"width_db": float(levels[heard].mean()) if heard.any() else None}
