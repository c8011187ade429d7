"""Does every song come out whole? Random valid requests, each of its own seed, and what can be wrong with any song.

Nothing here asks whether a song is good. A request draws words, style, length and controls as a user might combine
them; one that the composer refuses (too many words for its length, say) is counted, and another is drawn in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..composer import GENRES
from ..composer.grid import METERS
from ..composer.style import MOODS
from ..corpus.vocabulary import LANGUAGES
from ..corpus.words import write_lyrics
from ..errors import InputError
from ..lyrics import Lyrics
from ..pipelines import SongPipeline, SongPipelineOutput
from ..pipelines.request import SongRequest, make_song
from ..score import TRACKS, Score
from .errors import Figure
from .report import Report, Row
from .sound import measure_sound

_CHORDS = ("C Am F G", "Dm G7 C C", "Em C G D", "Am F C G | E", "F#m D A E")
_SINGERS = ("female", "male", "female, breathy", "male, warm", "female, bright", "male, brightness=-0.5")
_TAIL = 1.0  # seconds of silence in a song beyond its score's longest rest that are a fault

FIGURES = {
    "nonfinite_samples": Figure("samples", "low", "that are NaN or infinite"),
    "clipped_share": Figure("share", "low", "of samples at or over full scale, or flat at their channel's extreme"),
    "true_peak_dbtp": Figure("dBTP", "target", "highest peak between samples"),
    "silent_middle_s": Figure("s", "low", "the longest stretch below −60 dBFS, beyond the longest rest of the score"),
    "silent_share": Figure("share", "low", "1 for a song in which nothing sounds"),
    "length_error_ms": Figure("ms", "low", "between the song and its score"),
}
"""The figures of :func:`measure_wholeness`; in the report their group is "robust"."""


def random_request(seed: int) -> SongRequest:
    """A request as a user might put it, drawn from ``seed``: 4 to 40 s, or as long as its words need."""
    rng = np.random.default_rng([seed, 0])

    def sometimes(chance: float, *choices: object) -> object | None:
        return choices[rng.integers(len(choices))] if rng.random() < chance else None

    parts = [
        sometimes(0.95, *sorted(GENRES)),
        sometimes(0.6, *sorted(MOODS)),
        sometimes(0.5, "female vocals", "male vocals"),
    ]
    sung = rng.random() < 0.9
    parts += [] if sung else ["instrumental"]
    planner = sometimes(0.1, "none") if sung else None
    lyrics = _text(_lyrics(rng)) if sung else None
    bpm = sometimes(0.3, *range(60, 181, 4))
    return SongRequest.model_validate(
        {
            "lyrics": lyrics,
            "prompt": ", ".join(str(part) for part in parts if part),
            "negative_prompt": sometimes(0.1, "sad", "metal, distorted") or "",
            "seed": int(rng.integers(2**32)),
            "audio_duration": round(float(rng.uniform(4, 40)), 2)
            if planner or not sung or rng.random() < 0.3
            else None,
            "bpm": bpm,
            "key": sometimes(0.3, "C major", "F# minor", "Bb major", "D minor"),
            "time_signature": sometimes(0.2, *METERS),
            "chords": sometimes(0.2, *_CHORDS) if bpm or not planner else None,
            "singer": sometimes(0.3, *_SINGERS) if sung else None,
            "emotion": sometimes(0.2, "0.5,0.5", "-0.8,-0.5", "0:-0.5,-0.5; 15:0.9,0.8"),
            "dynamics": sometimes(0.2, "0:-6; 20:3", "drums 0:-9; 10:0 / vocals 0:3"),
            "planner": planner or "composer",
        }
    )


def measure_wholeness(song: SongPipelineOutput) -> dict[str, float | None]:
    """The figures of :data:`FIGURES`."""
    figures = measure_sound(song.audio, sample_rate=song.sample_rate)
    whole = {name: figures[name] for name in ("nonfinite_samples", "clipped_share", "true_peak_dbtp")}
    silence = (figures["silent_middle_s"] or 0.0) - longest_rest(song.score)
    length = song.audio.shape[-1] / song.sample_rate
    return whole | {
        "silent_middle_s": max(0.0, silence),
        "silent_share": float(figures["loudness_lufs"] is None),
        "length_error_ms": 1000 * abs(length - song.score.duration),
    }


def longest_rest(score: Score) -> float:
    """Seconds in which no track plays between the first and the last note; 0 where the notes are not all known."""
    notes = [score.track_notes(track) for track in TRACKS]
    if any(track is None for track in notes):
        return 0.0
    spans = sorted((note.start, note.end) for track in notes for note in track or [])
    rest = end = 0.0
    for i, (start, stop) in enumerate(spans):
        rest, end = (max(rest, start - end) if i else 0.0), max(end, stop)
    return rest


def faults(figures: dict[str, float | None]) -> list[str]:
    """What is wrong with a song, in words."""
    found = {
        "NaN or infinite samples": figures["nonfinite_samples"] or 0,
        "clipped": figures["clipped_share"] or 0,
        "nothing sounds": figures["silent_share"] or 0,
        "a silent middle": (figures["silent_middle_s"] or 0) > _TAIL,
        "a wrong length": (figures["length_error_ms"] or 0) > 1,
    }
    return [name for name, value in found.items() if value]


def measure_robustness(checkpoint: str | Path, songs: int, seed: int = 0, progress: bool = True) -> Report:
    """Make ``songs`` songs of random requests, numbered on from ``seed``, and say of each what is wrong with it."""
    pipeline = SongPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    rows: list[Row] = []
    refused: list[str] = []
    number = seed
    with tqdm(total=songs, desc="robustness", disable=not progress) as bar:
        while len(rows) < songs:
            request = random_request(number)
            try:
                song = make_song(request, pipeline)
            except InputError as error:
                refused.append(f"request {number}: {error}")
                if len(refused) > 5 + songs:
                    raise InputError(f"{checkpoint}: more requests refused than sung; the last: {error}") from None
            else:
                figures = measure_wholeness(song)
                rows.append(
                    Row(
                        name=f"request-{number}",
                        prompt=request.prompt,
                        seconds=song.score.duration,
                        figures={f"robust.{name}": value for name, value in figures.items()},
                        remarks=faults(figures),
                    )
                )
                bar.update()
            number += 1
    return Report.of(str(checkpoint), rows, [], [summary(rows), f"{len(refused)} requests were refused", *refused[:5]])


def summary(rows: Sequence[Row]) -> str:
    """One line: how many songs are whole, and the first that are not."""
    broken = [f"{row.name} ({', '.join(row.remarks)})" for row in rows if row.remarks]
    return f"{len(rows) - len(broken)} of {len(rows)} songs are whole" + "".join(f"; {name}" for name in broken[:10])


def _lyrics(rng: np.random.Generator) -> Lyrics:
    language = "en-us" if rng.random() < 0.8 else str(rng.choice(sorted(LANGUAGES)))
    most = int(rng.integers(5, 11))
    return write_lyrics(rng, lines=int(rng.integers(2, 11)), syllables=(max(3, most - 4), most), language=language)


def _text(lyrics: Lyrics) -> str:
    """As a user would type them: the language, sections in brackets, a line a line."""
    rows, section = [f"[lang:{lyrics.language}]"], None
    for line in lyrics.lines:
        if line.section is not None and line.section != section:
            rows += ["", f"[{lyrics.sections[line.section].name}]"]
        section = line.section
        rows.append(line.text)
    return "\n".join(rows)
