"""Captions: style prompts that are true of a Score, from tags to sentences, with parts missing and words varied."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..score import Score
from .genres import GENRES
from .instruments import INSTRUMENTS
from .lexicon import (
    A_CAPPELLA,
    BACKING,
    ENERGY,
    ERAS,
    GENDERS,
    GENRE_WORDS,
    METRES,
    MOODS,
    PACE,
    PRODUCTION,
    SHARED_TIMBRES,
    TIMBRE_NOUNS,
    TIMBRES,
    TRUE_GENDERS,
    VOCAL_STYLES,
)

_NEAR = 0.45  # how far a pace word may lie from the song's pace
_NOUNS = ("song", "track", "tune")
_ELECTRIC = ("synth", "electric", "overdriven", "distorted", "muted guitar", "808", "acid", "reese", "square", "pad")


def caption(score: Score, rng: random.Random) -> str:
    """A truthful style prompt for a composed score: tags, a phrase or sentences.

    Every word is in :data:`.style.STYLE_WORDS` (numbers aside). Raises ValueError when the score has no genre.
    """
    if score.genre not in GENRES:
        raise ValueError(f"a caption needs a genre of {', '.join(GENRES)}; the score has {score.genre!r}")
    facts = {
        "mood": (_mood(score, rng), 0.8),
        "energy": (_energy(score, rng), 0.35),
        "tempo": (_tempo(score, rng), 0.6),
        "key": ([str(score.key)] if score.key else [], 0.35),
        "metre": (_metre(score, rng), 0.2 if score.time_signature == "4/4" else 0.5),
        "band": (_band(score, rng), 0.7),
        "voice": (_voice(score, rng), 0.75),
        "backing": (_backing(score, rng), 0.5),
        "era": ([rng.choice(ERAS[score.genre])] if score.genre in ERAS else [], 0.3),
        "production": (_production(score, rng), 0.35),
    }
    kept = {name: words if rng.random() < chance else [] for name, (words, chance) in facts.items()}
    if score.parts == []:  # what a listener notices first is not left unsaid
        kept["voice"] = facts["voice"][0]
    genre = rng.choice((score.genre, score.genre, *GENRE_WORDS[score.genre][0].split(", ")))
    form = rng.choice((_tags, _tags, _phrase, _phrase, _sentences))
    return form(genre, kept, rng)


def _tags(genre: str, facts: dict[str, list[str]], rng: random.Random) -> str:
    """``"warm, folk, 92 bpm, fiddle"``."""
    tags = [word for name, words in facts.items() for word in words if name not in ("key", "metre")]
    tags += [f"in {word}" if rng.random() < 0.6 else word for name in ("key", "metre") for word in facts[name]]
    tags += [genre] if rng.random() < 0.92 else []
    rng.shuffle(tags)
    return ", ".join(tags) or genre


def _phrase(genre: str, facts: dict[str, list[str]], rng: random.Random) -> str:
    """``"a warm folk song with fiddle and female vocals at 92 bpm in D minor"``."""
    with_what = facts["band"] + facts["backing"] + [word for word in facts["voice"] if _takes_with(word)]
    others = [word for word in facts["voice"] if not _takes_with(word)] + facts["production"][:1]
    rng.shuffle(with_what)
    text = _article([*facts["era"], *facts["mood"][:1], *facts["energy"][:1], _noun(genre, rng)])
    text += f" with {_row(with_what)}" if with_what else ""
    text += _at(facts)
    return text + "".join(f", {word}" for word in others)


def _sentences(genre: str, facts: dict[str, list[str]], rng: random.Random) -> str:
    """``"This is a warm folk song. It has fiddle. Female vocals. In D minor."``"""
    text = rng.choice(("This is ", "")) + _article([*facts["era"], *facts["mood"][:2], _noun(genre, rng)]) + _at(facts)
    rest = []
    if facts["band"]:
        rest.append(rng.choice(("It is played on {}", "The band is {}", "With {}")).format(_row(facts["band"])))
    if facts["voice"]:
        rest.append(", ".join(facts["voice"]))
    rest += [_row(words) for words in (facts["backing"], facts["energy"], facts["production"]) if words]
    rng.shuffle(rest)
    return ". ".join(part[:1].upper() + part[1:] for part in (text, *rest)) + "."


def _at(facts: dict[str, list[str]]) -> str:
    tempo = facts["tempo"]
    text = "" if not tempo else f" at {tempo[0]}" if tempo[0].endswith("bpm") else f", {tempo[0]}"
    return text + "".join(f" in {word}" for word in facts["key"][:1] + facts["metre"][:1])


def _noun(genre: str, rng: random.Random) -> str:
    ends = (*_NOUNS, "music", "track", "beat", "ballads", "waltzes")
    return genre if genre.endswith(ends) else f"{genre} {rng.choice(_NOUNS)}"


def _article(words: Sequence[str]) -> str:
    text = " ".join(words)
    if text.endswith(("music", "waltzes", "ballads")):
        return text
    vowel = text[0] in "aeiou8" or text.startswith(("r&b", "r and b", "rnb"))
    return f"{'an' if vowel else 'a'} {text}"


def _row(words: Sequence[str]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def _takes_with(word: str) -> bool:
    return word.split()[-1] in ("vocals", "vocal", "voice", "singer")


def _mood(score: Score, rng: random.Random) -> list[str]:
    mean = score.mood
    if mean is None:
        return []
    near = sorted(MOODS, key=lambda word: (MOODS[word][0] - mean[0]) ** 2 + (MOODS[word][1] - mean[1]) ** 2)
    return rng.sample(near[:8], rng.choice((1, 1, 2)))


def _energy(score: Score, rng: random.Random) -> list[str]:
    mean = score.mood
    if mean is None or abs(mean[1]) <= 0.35:
        return []
    return [rng.choice(sorted(ENERGY, key=lambda word: abs(ENERGY[word] - mean[1]))[:3])]


def _tempo(score: Score, rng: random.Random) -> list[str]:
    if score.tempo is None or score.genre is None:
        return []
    low, high = GENRES[score.genre].tempo
    pace = 2 * (score.tempo - low) / (high - low) - 1
    words = [word for word, level in PACE.items() if abs(level - pace) < _NEAR]
    number = f"{round(score.tempo)} bpm"
    return [rng.choice((number, rng.choice(words or [number])))]


def _metre(score: Score, rng: random.Random) -> list[str]:
    return [rng.choice(METRES[score.time_signature])] if score.time_signature in METRES else []


def _band(score: Score, rng: random.Random) -> list[str]:
    heard = list(dict.fromkeys(part.instrument for part in score.parts or [] if part.track != "drums" and part.notes))
    band = [rng.choice((name, name, *INSTRUMENTS[name].synonyms)) for name in heard if name in INSTRUMENTS]
    return rng.sample(band, min(len(band), rng.choice((1, 1, 2, 3))))


def _voice(score: Score, rng: random.Random) -> list[str]:
    if score.melody == []:
        return ["instrumental"]
    singer, words = score.singer, []
    if score.parts == []:
        words.append(rng.choice(A_CAPPELLA[:3]))
    if singer is None or score.melody is None:
        return words
    if singer.gender:
        words.append(rng.choice(GENDERS[singer.gender][:TRUE_GENDERS]))
    if singer.style and rng.random() < (0.2 if singer.style == "plain" else 0.75):
        words.append(rng.choice(VOCAL_STYLES[singer.style][0].split(", ")))
    timbres = [word for word in singer.timbre if word in (*TIMBRES, *SHARED_TIMBRES)]
    if timbres and rng.random() < 0.5:
        words.append(f"{rng.choice(timbres)} {rng.choice(TIMBRE_NOUNS)}")
    return words


def _backing(score: Score, rng: random.Random) -> list[str]:
    kinds = sorted({backing.kind for backing in score.backing or []})
    return [rng.choice(BACKING[rng.choice(kinds)][0].split(", "))] if kinds else []


def _production(score: Score, rng: random.Random) -> list[str]:
    """What the parts say: acoustic where nothing is plugged in, live or a machine by the drums."""
    if not score.parts or score.genre is None:
        return []
    names = [part.instrument for part in score.parts]
    machine = "drum machine" in names
    true = []
    if not machine and not any(
        word in name for name in names for word in (*_ELECTRIC, "bass guitar", "picked", "slap")
    ):
        true.append("acoustic")
    if GENRES[score.genre].electronic and machine:
        true.append("electronic")
    true += ["drum machine"] if machine else ["live"] if "drum kit" in names else []
    return [rng.choice(PRODUCTION[rng.choice(true)][0].split(", "))] if true else []
