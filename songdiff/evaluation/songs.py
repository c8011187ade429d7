"""Songs to measure: of `songdiff generate` (with the JSON beside them) or of a corpus, behind one interface.

What cannot be measured is refused before any work: no JSON, another sample rate or length, stems of another song.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from ..audio import FORMATS, read_audio
from ..corpus.shards import MANIFEST, CorpusSong, read_corpus
from ..corpus.shards import stems as corpus_stems
from ..errors import InputError
from ..pipelines.request import kept_beside, read_sidecar, sidecar_path
from ..score import TRACKS, Score

SAMPLE_RATE = 44100
_LIKE = 0.3  # the least correlation of the stems' sum with the mix (that a limiter has bent); of other songs it is 0


@dataclass(frozen=True)
class Audio:
    """What is heard: ``mix`` (2, samples) and ``stems`` by track (None: not kept), float32 at 44.1 kHz.

    ``remarks`` collects what a measure has to say in words, such as which lines were missed.
    """

    mix: np.ndarray
    stems: dict[str, np.ndarray] | None
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Song:
    """What was asked for; ``read()`` loads what came out. Raises :class:`InputError` where it cannot be read."""

    name: str
    prompt: str
    score: Score
    read: Callable[[], Audio] = field(repr=False)


def find_songs(target: Path, limit: int | None = None) -> list[Song]:
    """The songs of a file, a folder of songs, or a corpus folder (its held-out songs), at most ``limit``.

    Raises :class:`InputError` naming a missing or unfit file, or a folder without songs.
    """
    if target.is_file():
        return [made_song(target)]
    if not target.is_dir():
        raise InputError(f"{target}: no such song or folder")
    if (target / MANIFEST).is_file():
        return held_out_songs(target, limit)
    paths = sorted(path for path in target.iterdir() if path.suffix.lower() in FORMATS)
    if not paths:
        raise InputError(f"{target}: holds no songs ({', '.join(FORMATS)}); `songdiff generate -o` makes one")
    return [made_song(path) for path in paths[:limit]]


def held_out_songs(corpus: Path, limit: int | None = None) -> list[Song]:
    """Songs of a corpus's test split. Raises :class:`InputError` where there are none."""
    found: list[Song] = []
    for song in read_corpus(corpus, "test", verify=False):
        if limit is not None and len(found) == limit:
            break
        found.append(Song(song.id, song.captions[0] if song.captions else "", song.score, partial(_corpus_audio, song)))
    if not found:
        raise InputError(
            f"{corpus}: holds no held-out songs; build a longer corpus (8 songs of every 160 are held out)"
        )
    return found


def made_song(path: Path) -> Song:
    """A song of `songdiff generate`. Its stems are looked for where its JSON says, and in ``NAME/`` and ``stems/``."""
    if path.suffix.lower() == ".json":
        path = path.parent / read_sidecar(path)[3]
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path}: not a song; give {', '.join(FORMATS)}, or a folder of songs")
    sidecar = sidecar_path(path)
    if not sidecar.is_file():
        raise InputError(f"{path}: no score beside it ({sidecar.name} is missing); `songdiff generate` writes both")
    request, score, _, _ = read_sidecar(sidecar)
    seconds = _checked_seconds(path)
    if abs(seconds - score.duration) > 0.5:
        raise InputError(f"{path}: lasts {seconds:.1f} s, but the score in {sidecar.name} {score.duration:.1f} s")
    return Song(path.stem, request.prompt, score, partial(_made_audio, path))


def _checked_seconds(path: Path) -> float:
    try:
        info = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{path}: cannot be read as audio ({error}); make it again") from None
    if info.samplerate != SAMPLE_RATE:
        raise InputError(f"{path}: has {info.samplerate} Hz; songs are measured at {SAMPLE_RATE} Hz, as they are made")
    return info.frames / info.samplerate


def _corpus_audio(song: CorpusSong) -> Audio:
    stems = corpus_stems(song)
    return Audio(np.sum(list(stems.values()), axis=0), stems)


def _made_audio(path: Path) -> Audio:
    mix = read_audio(path)
    kept = kept_beside(sidecar_path(path)).get("stems")
    own = path.with_suffix("") if kept is None else path.parent / kept
    for folder in (own, path.parent / "stems"):
        files = {track: folder / f"{track}{path.suffix}" for track in TRACKS}
        if all(file.is_file() for file in files.values()):
            for file in files.values():
                _checked_seconds(file)
            stems = {track: _as_long(read_audio(file), mix.shape[1]) for track, file in files.items()}
            if _correlation(np.sum(list(stems.values()), axis=0), mix) >= _LIKE:
                return Audio(mix, stems)
            if folder == own:
                raise InputError(f"{folder}: the stems do not add up to {path.name}; remove them, or make both again")
    return Audio(mix, None)


def _as_long(waveform: np.ndarray, samples: int) -> np.ndarray:
    return np.pad(waveform[:, :samples], ((0, 0), (0, max(0, samples - waveform.shape[1]))))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Of two (2, samples); 1 where both are silent."""
    power = float(np.vdot(one, one)) * float(np.vdot(other, other))
    if power <= 0:
        return float(not one.any() and not other.any())
    return float(np.vdot(one, other)) / power**0.5


def english_lines(songs: Sequence[Song]) -> list[str]:
    """All lines of English songs, once each."""
    scores = [song.score for song in songs if song.score.language.startswith("en")]
    return list(dict.fromkeys(line.text for score in scores for line in score.lines or []))
