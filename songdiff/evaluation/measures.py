"""All groups of figures in one table. A group is a function that prepares (imports, loads a recogniser) and returns
what measures one song; where something it needs is missing, the group is left out and the report says so."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence

import numpy as np

from ..corpus.tools import MissingToolError
from ..errors import InputError
from .songs import Audio, Song, english_lines

Figures = dict[str, float | None]
Measure = Callable[[Song, Audio], Figures]


def _needs(package: str) -> None:
    """Raise :class:`MissingToolError` where a package is not installed."""
    if importlib.util.find_spec(package) is None:
        raise MissingToolError(package, f"pip install {package}")


def _music(songs: Sequence[Song]) -> Measure:
    _needs("mir_eval")
    _needs("pyworld")
    from .music import measure_music

    return lambda song, audio: measure_music(song.score, audio.stems) if audio.stems else {}


def _sound(songs: Sequence[Song]) -> Measure:
    from .sound import measure_sound

    return lambda song, audio: measure_sound(audio.mix, audio.stems)


def _words(songs: Sequence[Song]) -> Measure:
    """Phoneme error rate on the vocals stem and on the mix, and the share of lines that were not sung."""
    from .words import hear, load_recogniser, words_heard

    recogniser = load_recogniser()

    def measure(song: Song, audio: Audio) -> Figures:
        if not song.score.phonemes or not song.score.words:
            return {}
        heard = {"mix": words_heard(hear(recogniser, audio.mix), song.score, recogniser)}
        if audio.stems:
            heard["vocals"] = words_heard(hear(recogniser, audio.stems["vocals"]), song.score, recogniser)
        clearest = heard.get("vocals", heard["mix"])
        lines = sum(error is not None for error in clearest.line_error)
        audio.remarks.extend(f"missed: {(song.score.lines or [])[line].text}" for line in clearest.missed_lines)
        rates: Figures = {f"phoneme_error_{name}": words.error_rate for name, words in heard.items()}
        return rates | {"missed_lines": len(clearest.missed_lines) / lines if lines else None}

    return measure


def _lines(songs: Sequence[Song]) -> Measure:
    """The share of English lines that pocketsphinx tells from nine others, of these songs and of the benchmark."""
    _needs("pocketsphinx")
    from .benchmark_set import load_benchmark
    from .lines import line_identification

    others = english_lines(songs)
    others += [line.text for item in load_benchmark() for line in item.score.lines or [] if item.english]

    def measure(song: Song, audio: Audio) -> Figures:
        if not audio.stems or not song.score.lines or not song.score.language.startswith("en"):
            return {}
        rng = np.random.default_rng(list(song.name.encode()))
        right, heard = line_identification(song.score, audio.stems["vocals"], others, rng)
        return {"identified": right / heard}

    return measure


def _style(songs: Sequence[Song]) -> Measure:
    from .style import load_probe, measure_style

    probe = load_probe()
    return lambda song, audio: measure_style(song.score, audio.mix, probe, audio.stems)


MEASURES: dict[str, Callable[[Sequence[Song]], Measure]] = {
    "words": _words,
    "lines": _lines,
    "music": _music,
    "style": _style,
    "sound": _sound,
}


def prepare(songs: Sequence[Song]) -> tuple[dict[str, Measure], list[str]]:
    """The groups that can be measured here, by name, and one line for each that cannot."""
    ready: dict[str, Measure] = {}
    missing = []
    for name, group in MEASURES.items():
        try:
            ready[name] = group(songs)
        except (ImportError, InputError) as error:
            missing.append(f"{name} is not measured: {error}")
    return ready, missing


def measure_song(song: Song, audio: Audio, groups: dict[str, Measure]) -> Figures:
    """``"group.figure"`` of one song; what is not a number is None. A group that refuses the song leaves a remark."""
    figures: Figures = {}
    for group, measure in groups.items():
        try:
            measured = measure(song, audio)
        except InputError as error:
            audio.remarks.append(f"{group} not measured: {error}")
            continue
        for name, value in measured.items():
            finite = value is not None and math.isfinite(value)
            figures[f"{group}.{name}"] = round(float(value), 6) if finite and value is not None else None
    return figures
