"""What song ``i`` of a corpus will be: split, length, singer, style and words, as a pure function of (seed, i).

Blocks of :data:`BLOCK` songs share a singer and a shard. The tenth of every twenty blocks is the test split, half of
it sung by voices that the training split never hears. Nothing is composed or rendered here.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..composer import GENRES
from ..composer.genre import Genre
from ..composer.style import MOODS
from ..lyrics import Lyrics
from .instruments import Engine
from .voices import VOICES, Voice
from .words import write_lyrics

BLOCK = 8  # consecutive songs that share a voice, whose analysed words stay in memory
DURATIONS = (20.0, 150.0)  # seconds
INSTRUMENTAL, A_CAPPELLA = 0.06, 0.03  # shares of all songs
_FOREIGN = 5  # one block in so many is sung in another language than English
_Choice = TypeVar("_Choice")


@dataclass(frozen=True)
class SongPlan:
    """Everything that is decided about song ``index`` before it is composed. ``duration`` in seconds, tempo in bpm."""

    seed: int
    index: int
    id: str
    split: str
    duration: float
    voice: str
    genre: str
    tempo: float
    prompt: str
    engine: Engine
    lyrics: Lyrics | None


def song_id(index: int) -> str:
    """``"song-00042"``: sorts by index."""
    return f"song-{index:05d}"


def song_index(name: str) -> int:
    """``"song-00042"`` → 42."""
    return int(name.removeprefix("song-"))


def count_songs(hours: float, seed: int, durations: tuple[float, float] = DURATIONS) -> int:
    """How many songs last at least ``hours`` together."""
    seconds, index = 0.0, 0
    while seconds < hours * 3600:
        seconds += _duration(seed, index, durations)
        index += 1
    return index


def plan_song(seed: int, index: int, durations: tuple[float, float] = DURATIONS) -> SongPlan:
    """Decide everything about song ``index``. Durations are log-uniform, genres come equally often."""
    duration, voice, split = _duration(seed, index, durations), VOICES[plan_voice(seed, index)], plan_split(index)
    genre = GENRES[_dealt(seed, "genre", index, sorted(GENRES))]
    rng = np.random.default_rng([seed, index, 1])
    mood = sorted(MOODS)[rng.integers(len(MOODS))] if rng.random() < 0.7 else None
    tempo = _tempo(rng, genre, mood)
    kind = rng.random()
    words = ["instrumental"] if kind < INSTRUMENTAL else ["a cappella"] if kind < INSTRUMENTAL + A_CAPPELLA else []
    return SongPlan(
        seed=seed,
        index=index,
        id=song_id(index),
        split=split,
        duration=duration,
        voice=voice.name,
        genre=genre.name,
        tempo=tempo,
        prompt=", ".join([genre.name, *([mood] if mood else []), *words]),
        engine="hybrid" if rng.random() < (0.85 if genre.electronic else 0.2) else "soundfont",
        lyrics=None if kind < INSTRUMENTAL else _lyrics(rng, genre, tempo, duration, split, voice),
    )


def plan_split(index: int) -> str:
    """ "test" for the tenth of every twenty blocks, else "train"."""
    return "test" if index // BLOCK % 20 == 9 else "train"


def plan_voice(seed: int, index: int) -> str:
    """Who sings song ``index``: one voice for every :data:`BLOCK` of songs, and all voices of a language equally often.

    Four blocks in five are English. The first half of a test block is sung by a voice that is held out from training.
    """
    block = index // BLOCK
    voices: dict[str, list[str]] = {}
    held_out: dict[str, list[str]] = {}
    for name in sorted(VOICES):
        kind = held_out if VOICES[name].held_out else voices
        kind.setdefault(_language(VOICES[name]), []).append(name)

    five, place = divmod(block, _FOREIGN)
    others = sorted(voices.keys() - {"en"})
    foreign = random.Random(f"{seed}/foreign/{five}").randrange(_FOREIGN)
    if others and place == foreign:
        language, number = _dealt(seed, "language", five, others), five // len(others)
    else:
        language, number = "en", (_FOREIGN - 1) * five + place - (place > foreign) if others else block
    if plan_split(index) == "test" and held_out and index % BLOCK < BLOCK // 2:
        unheard = held_out.get(language) or [name for names in held_out.values() for name in names]
        return _dealt(seed, "held out", block // 20, unheard)
    return _dealt(seed, f"voice/{language}", number, voices[language])


def _dealt(seed: int, pack: str, number: int, choices: Sequence[_Choice]) -> _Choice:
    """Card ``number`` of a pack of ``choices`` that is shuffled anew whenever it is used up: all come equally often."""
    used_up, card = divmod(number, len(choices))
    return random.Random(f"{seed}/{pack}/{used_up}").sample(choices, len(choices))[card]


def _language(voice: Voice) -> str:
    return voice.language.split("-")[0]


def _duration(seed: int, index: int, durations: tuple[float, float]) -> float:
    low, high = np.log(durations)
    return round(float(np.exp(np.random.default_rng([seed, index, 0]).uniform(low, high))), 2)


def _tempo(rng: np.random.Generator, genre: Genre, mood: str | None) -> float:
    """Around the genre's range and a tenth of it beyond, faster where the mood is more aroused."""
    low, high = genre.tempo
    aroused = MOODS[mood][1] - genre.mood[1] if mood else 0.0
    pace = np.clip(0.5 * aroused + rng.uniform(-1, 1), -1.2, 1.2)
    return round(float(np.clip((low + high) / 2 + pace * (high - low) / 2, 55, 190)), 1)


def _lyrics(rng: np.random.Generator, genre: Genre, tempo: float, duration: float, split: str, voice: Voice) -> Lyrics:
    """As many lines as the song has room for, as long as the tempo lets a singer sing them."""
    beats = {"4/4": 4, "3/4": 3, "6/8": 2}.get(genre.time_signature, 4)
    seconds = genre.bars_per_line * beats * 60 / tempo
    room = genre.syllable_rate * seconds * 0.85
    most = int(min(12, max(5, room)))
    lines = 2 * round(max(2, min(32, (duration - 1.5 * seconds) / seconds)) / 2)
    fewest = min(most - 1, max(4, most - 4))
    return write_lyrics(
        rng, lines=lines, syllables=(fewest, most), allow_held_out=split == "test", language=voice.language
    )
