"""Reading style prompts: words of the lexicon become wishes for genre, tempo, key, mood, band and voice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..score import PITCH_CLASSES
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
    NEGATIONS,
    NEUTRAL,
    PACE,
    PLAYING,
    PRODUCTION,
    SHARED_TIMBRES,
    TIMBRE_NOUNS,
    TIMBRES,
    VOCAL_STYLES,
    both,
)

MODES = ("major", "minor", "dorian", "mixolydian")
RESPELLED = {"C#": "Db", "D#": "Eb", "E#": "F", "F#": "Gb", "G#": "Ab", "A#": "Bb", "B#": "C", "Cb": "B", "Fb": "E"}
_VOCAL_WORDS = ("vocals", "vocal", "singing", "singer", "voice")


@dataclass(frozen=True)
class Style:
    """What a prompt asks for; ``None`` (or nothing) where it says nothing.

    ``tempo`` in beats a minute, ``pace`` −1 … 1 within the genre's range, ``valence`` and ``arousal`` −1 … 1, ``key``
    as in ``Score.key``. ``tags`` are the phrases understood, ``unknown_words`` those that were not; ``without`` names
    instruments the prompt rules out ("no drums"). ``vocal_style`` and ``timbre`` are as in ``Score.singer``,
    ``backing`` holds kinds of ``Score.backing`` (``()``: ruled out), ``production`` the keys of
    :data:`.lexicon.PRODUCTION`.
    """

    genre: str | None = None
    tempo: float | None = None
    key: str | None = None
    gender: str | None = None
    valence: float | None = None
    arousal: float | None = None
    instruments: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    unknown_words: tuple[str, ...] = ()
    pace: float | None = None
    without: tuple[str, ...] = ()
    instrumental: bool = False
    a_cappella: bool = False
    vocal_style: str | None = None
    timbre: tuple[str, ...] = ()
    backing: tuple[str, ...] | None = None
    production: tuple[str, ...] = ()
    time_signature: str | None = None


def _lexicon() -> Iterator[tuple[str, tuple[str, object]]]:
    """Every phrase with its kind and value; of equal phrases the later one counts."""
    for word in NEUTRAL.split():
        yield word, ("neutral", word)
    for word in TIMBRES:
        yield word, ("timbre", word)
    for word in (*TIMBRES, *SHARED_TIMBRES):
        for noun in TIMBRE_NOUNS:
            yield f"{word} {noun}", ("timbre", word)
    for name in INSTRUMENTS:
        for phrase in (name, *INSTRUMENTS[name].synonyms):
            yield phrase, ("instrument", name)
    for phrase, name in PLAYING.items():
        yield phrase, ("instrument", name)
    for mood, point in MOODS.items():
        yield mood, ("mood", point)
    for phrase, arousal in ENERGY.items():
        yield phrase, ("energy", arousal)
    for phrase, pace in PACE.items():
        yield phrase, ("pace", pace)
    for gender, phrases in GENDERS.items():
        for phrase in phrases:
            yield phrase, ("gender", gender)
    for kind, table in (("vocal style", VOCAL_STYLES), ("backing", BACKING), ("production", PRODUCTION)):
        for value, pair in table.items():
            for phrase in both(pair):
                yield phrase, (kind, value)
    for phrase in A_CAPPELLA:
        yield phrase, ("a cappella", phrase)
    for metre, phrases in METRES.items():
        for phrase in phrases:
            yield phrase, ("metre", metre)
    for genre, phrases in ERAS.items():
        for phrase in phrases:
            yield phrase, ("era", genre)
    for genre in GENRES:
        for phrase in (genre, *both(GENRE_WORDS[genre])):
            yield phrase, ("genre", genre)


def style_tokens(prompt: str) -> list[str]:
    """The words and numbers of a prompt in lower case: ``"Lo-fi, 92 BPM"`` → ``["lo-fi", "92", "bpm"]``; the word of a
    concept, ``<mine>``, with its brackets."""
    return re.findall(
        r"<[a-z0-9-]+>|\d+(?:\.\d+)?(?![\w])|[^\W_](?:[\w&'#-]*[\w#])?",
        prompt.lower().replace("♭", "b").replace("♯", "#"),
    )


_LEXICON: dict[tuple[str, ...], tuple[str, object]] = {tuple(style_tokens(p)): value for p, value in _lexicon()}
_LONGEST = max(map(len, _LEXICON))
_KEY = re.compile(
    rf"\b(?:key of |in )?([a-g])\s?(#|♯|b|♭|sharp|flat)?[\s-]*({'|'.join((*MODES, 'maj', 'min'))})\b"
    r"|\bkey of ([a-g])(#|b)?(?!\w)",
    re.IGNORECASE,
)
_PAUSE = re.compile(r"[,;\n]|\.(?=\s|$)")
_TEMPO = re.compile(r"(\d{2,3}(?:\.\d+)?)\s*-?\s*(?:bpm|beats per minute)\b", re.IGNORECASE)

STYLE_WORDS: tuple[str, ...] = tuple(
    sorted(
        {word for phrase in _LEXICON for word in phrase}
        | {name.lower() for name in PITCH_CLASSES}
        | {name.lower() for name in RESPELLED}
        | {*MODES, "sharp", "flat"}
    )
)
"""Every word a style prompt may use, lower case, as :func:`style_tokens` cuts it (numbers aside)."""


def parse_key(text: str) -> str | None:
    """``"f# minor"`` → ``"Gb minor"``; ``None`` when no key is named."""
    match = _KEY.search(text)
    if not match:
        return None
    tonic, accidental, mode, bare, bare_accidental = match.groups()
    root = (tonic or bare).upper() + {"#": "#", "♯": "#", "sharp": "#", "b": "b", "♭": "b", "flat": "b"}.get(
        (accidental or bare_accidental or "").lower(), ""
    )
    name = (mode or "major").lower()
    full = {"maj": "major", "min": "minor"}.get(name, name)
    return f"{RESPELLED.get(root, root)} {full}"


def parse_style(prompt: str) -> Style:
    """Read a style prompt. Never fails: words that mean nothing here come back in ``unknown_words``, in order."""
    key, tempo_match = parse_key(prompt), _TEMPO.search(prompt)
    pieces = _PAUSE.split(_KEY.sub(" ", _TEMPO.sub(" ", prompt)))
    tokens = [token for piece in pieces for token in (*style_tokens(piece), "")]  # no phrase spans a comma
    found: dict[str, list] = {}
    tags: list[str] = []
    unknown: list[str] = []
    without: list[str] = []
    instrumental = negated = no_backing = False
    position = 0
    while position < len(tokens):
        length = next((n for n in range(_LONGEST, 0, -1) if tuple(tokens[position : position + n]) in _LEXICON), 0)
        words = tuple(tokens[position : position + max(length, 1)])
        phrase = " ".join(words)
        position += len(words)
        if not length:
            if phrase and phrase not in unknown:
                unknown.append(phrase)
            negated = False
            continue
        kind, value = _LEXICON[words]
        if phrase in NEGATIONS:
            negated = True
            continue
        if negated and phrase in _VOCAL_WORDS:
            instrumental = True
        elif negated and kind == "instrument":
            without.append(str(value))
        elif negated and phrase in ("drums", "drum", "percussion", *both(PRODUCTION["drum machine"])):
            without.append("drums")
        elif negated and kind == "backing":
            no_backing = True
        elif not negated or kind in ("genre", "gender", "mood", "energy", "pace"):
            found.setdefault(kind, []).append(value)
        instrumental = instrumental or phrase == "instrumental"
        if kind != "neutral":
            tags.append(phrase)
        negated = False

    def first(*kinds: str) -> str | None:
        return next((str(found[kind][0]) for kind in kinds if kind in found), None)

    def distinct(kind: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(str(value) for value in found.get(kind, [])))

    moods, paces = found.get("mood", []), found.get("pace", [])
    arousals = [arousal for _, arousal in moods] + found.get("energy", [])
    return Style(
        genre=first("genre", "era"),
        tempo=float(tempo_match.group(1)) if tempo_match else None,
        key=key,
        gender=first("gender"),
        valence=sum(valence for valence, _ in moods) / len(moods) if moods else None,
        arousal=sum(arousals) / len(arousals) if arousals else None,
        instruments=distinct("instrument"),
        tags=tuple(tags),
        unknown_words=tuple(unknown),
        pace=sum(paces) / len(paces) if paces else None,
        without=tuple(dict.fromkeys(without)),
        instrumental=instrumental,
        a_cappella="a cappella" in found,
        vocal_style=first("vocal style"),
        timbre=distinct("timbre"),
        backing=() if no_backing else distinct("backing") or None,
        production=distinct("production"),
        time_signature=first("metre"),
    )
