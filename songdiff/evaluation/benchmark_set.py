"""The benchmark: 24 songs to be sung, fixed in benchmark_set.json so that figures of different days can be compared.

It was made by ``write_benchmark(path, seed=1)`` (with the corpus extra and flite), a second time on 2026-11-25, since
which moods that are asked for show in the harmony: eleven songs have other notes than before. The composer goes on
changing; these scores do not. Their words may be ones that the training split never sings, and eight are written for
the voices that it never hears (vera, milo).
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..composer import ComposeError, compose
from ..lyrics import Lyrics
from ..score import Score

_FILE = "benchmark_set.json"
_STYLES = (  # prompt, voice ("" for an instrumental), seconds
    ("warm acoustic folk, male vocals", "jonas", 26),
    ("bright pop, catchy, female vocals", "mara", 24),
    ("sad piano ballad, female vocals", "nell", 30),
    ("energetic rock, male vocals", "callum", 22),
    ("metal, dark, male vocals", "milo", 22),
    ("punk, furious, male vocals", "theo", 20),
    ("soul, passionate, female vocals", "ada", 30),
    ("funk, groovy, female vocals", "vera", 24),
    ("disco, happy, female vocals", "lena", 24),
    ("smooth r&b, male vocals", "milo", 28),
    ("country, cheerful, male vocals", "otto", 24),
    ("slow blues, lonely, male vocals", "silas", 30),
    ("jazz, romantic, female vocals", "vera", 24),
    ("bossa nova, relaxed, female vocals", "iris", 24),
    ("reggae, sunny, male vocals", "milo", 26),
    ("waltz, tender, female vocals", "odile", 24),
    ("celtic, spirited, male vocals", "milo", 24),
    ("lo-fi, mellow, female vocals", "vera", 26),
    ("house, euphoric, female vocals", "vera", 24),
    ("synthwave, nostalgic, male vocals", "felix", 26),
    ("folk, a cappella, female vocals", "mara", 22),
    ("orchestral, majestic, instrumental", "", 28),
    ("pop, hopeful, female vocals", "lucia", 24),
    ("rock, male vocals", "anton", 24),
)


class Item(BaseModel):
    """One song to be made: ``score`` is sung in the style of ``prompt`` from noise of ``seed``."""

    model_config = ConfigDict(extra="forbid")
    name: str
    prompt: str
    seed: int
    score: Score

    @property
    def english(self) -> bool:
        """Whether English words are sung."""
        return bool(self.score.lines) and self.score.language.startswith("en")


@cache
def load_benchmark() -> tuple[Item, ...]:
    """The items in the package, in order."""
    lines = (files("songdiff.evaluation") / _FILE).read_text(encoding="utf-8").splitlines()
    return tuple(Item.model_validate_json(line) for line in lines)


def make_benchmark(seed: int) -> list[Item]:
    """Write words and compose the 24 scores. Needs the corpus's voices, who say how they pronounce."""
    items = []
    for index, (prompt, singer, seconds) in enumerate(_STYLES):
        score = _composed(prompt, singer, float(seconds), seed, index)
        items.append(
            Item(name=f"{index + 1:02d}-{score.genre}".replace(" ", "-"), prompt=prompt, seed=index, score=score)
        )
    return items


def write_benchmark(path: Path, seed: int = 1) -> None:
    """Compact JSON, one item a line, times to a tenth of a millisecond."""
    rows = [
        item.model_dump(exclude_none=True) | {"score": json.loads(item.score.to_json())}
        for item in make_benchmark(seed)
    ]
    text = "".join(json.dumps(_rounded(row), ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def _composed(prompt: str, singer: str, seconds: float, seed: int, index: int) -> Score:
    """With as many lines as the song has room for."""
    from ..corpus.voices import VOICES
    from ..corpus.words import write_lyrics

    if not singer:
        return compose(None, prompt, duration=seconds, seed=seed + index)
    voice = VOICES[singer]
    for lines in (8, 6, 4, 3, 2):
        lyrics: Lyrics = write_lyrics(
            np.random.default_rng([seed, index]),
            lines=lines,
            syllables=(5, 8),
            allow_held_out=True,
            language=voice.language,
        )
        try:
            return compose(
                lyrics,
                prompt,
                duration=seconds,
                seed=seed + index,
                singer=voice.singer,
                pronounce=lambda words, _: voice.pronounce(words),
            )
        except ComposeError:
            continue
    raise ComposeError(f"{prompt}: no lyrics fit into {seconds:g} s; give it more")


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
