"""What a user asks of a song beside lyrics and prompt, as short texts: chords, singer, emotion, dynamics.

Every function raises :class:`ComposeError` naming the control, the piece that was not understood and what to write.
"""

from __future__ import annotations

import math
import re
from typing import Any

from ..score import CHORD_QUALITIES, PITCH_CLASSES, TRACKS, Emotion, Level, Singer
from .lexicon import GENDERS, SHARED_TIMBRES, TIMBRES, VOCAL_STYLES, both
from .style import RESPELLED
from .text import ComposeError

_CHORD = re.compile(r"([A-G])([#b♯♭]?):?(.*)")
_QUALITIES = {quality: quality for quality in CHORD_QUALITIES} | {
    "": "maj", "M": "maj", "m": "min", "mi": "min", "-": "min", "M7": "maj7", "ma7": "maj7", "m7": "min7", "-7": "min7",
    "m6": "min6", "°": "dim", "o": "dim", "+": "aug", "sus": "sus4", "m7b5": "hdim7", "ø": "hdim7", "ø7": "hdim7",
    "°7": "dim7", "o7": "dim7",
}  # fmt: skip
_AMOUNTS: dict[str, tuple[str, float]] = {  # words for the amounts of a voice; each may also be given as brightness=0.3
    "bright": ("brightness", 0.6),
    "dark": ("brightness", -0.6),
    "breathy": ("breathiness", 0.6),
    "pure": ("breathiness", 0.0),
    "vibrato": ("vibrato", 0.8),
    "no vibrato": ("vibrato", 0.0),
}
_SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
_LIMITS = {"brightness": (-1.0, 1.0), "breathiness": (0.0, 1.0), "vibrato": (0.0, 1.0)}


def parse_chords(text: str) -> list[list[str]]:
    """``"C Am F G"`` → ``[["C:maj"], ["A:min"], ["F:maj"], ["G:maj"]]``: a bar each; ``"C G | F"`` has two in a bar.

    Names as on lead sheets (``F#m7``, ``Bbmaj7``, ``Gsus4``) or as in the Score (``A:min7``).
    """
    bars = text.split("|") if "|" in text else text.split()
    progression = [[_chord(name) for name in bar.split()] for bar in bars if bar.strip()]
    if not progression:
        raise ComposeError("chords: none given; write for example 'C Am F G', a chord a bar")
    if crowded := next((bar for bar in progression if len(bar) > 4), None):
        raise ComposeError(f"chords: {len(crowded)} chords in a bar; put a | after at most four")
    return progression


def _chord(name: str) -> str:
    match = _CHORD.fullmatch(name)
    quality = _QUALITIES.get(match[3]) if match else None
    if match is None or quality is None:
        raise ComposeError(
            f"chords: {name!r} is no chord known here; write for example C, Am, F#m7, Bbmaj7, Gsus4, Ddim"
        )
    root = match[1] + match[2].replace("♯", "#").replace("♭", "b")
    return f"{RESPELLED.get(root, root)}:{quality}"


def parse_singer(text: str, singers: dict[str, dict[str, Any]] | None = None) -> Singer:
    """``"female, bright, breathy"``, ``"mara"`` or ``"mara, soft"`` → Singer.

    ``singers``: attributes of the voices known by name. Words say the gender, the style of singing, the timbre;
    ``brightness=0.3`` (−1 … 1), ``breathiness=`` and ``vibrato=`` (0 … 1) say an amount.
    """
    singers = singers or {}
    genders = {phrase: gender for gender, phrases in GENDERS.items() for phrase in phrases}
    styles = {phrase: style for style, pair in VOCAL_STYLES.items() for phrase in (style, *both(pair))}
    fields: dict[str, Any] = {}
    own: dict[str, Any] = {}
    timbre: list[str] = []
    for word in (piece.strip().lower() for piece in text.split(",")):
        name, equals, value = word.partition("=")
        if equals and name.strip() in _LIMITS:
            fields[name.strip()] = _amount(name.strip(), value)
        elif word in singers:
            own = {"name": word} | singers[word]
        elif word in genders:
            fields["gender"] = genders[word]
        elif word in _AMOUNTS and (word not in styles or word == "breathy"):
            fields[_AMOUNTS[word][0]] = _AMOUNTS[word][1]
            timbre += [word] if word in (*TIMBRES, *SHARED_TIMBRES) else []
        elif word in styles:
            fields["style"] = styles[word]
        elif word in (*TIMBRES, *SHARED_TIMBRES):
            timbre.append(word)
        else:
            known = f"a name ({', '.join(singers)})" if singers else "no name (this checkpoint knows none)"
            raise ComposeError(
                f"singer: {word!r} is not understood; give {known}, female or male, {', '.join(VOCAL_STYLES)}, "
                f"{', '.join(_AMOUNTS)}, brightness=0.3, or a timbre such as {', '.join(TIMBRES[:4])}"
            )
    return Singer.model_validate(own | fields | ({"timbre": timbre} if timbre else {}))


def _amount(name: str, value: str) -> float:
    low, high = _LIMITS[name]
    try:
        amount = float(value)
    except ValueError:
        amount = math.nan
    if not low <= amount <= high:
        raise ComposeError(f"singer: {name}={value.strip()} is no number from {low:g} to {high:g}")
    return amount


def parse_emotion(text: str) -> list[Emotion]:
    """``"0.5,-0.2"`` (valence, arousal) → one point at 0 s; ``"0:0.2,0.5; 30:0.8,0.9"`` → a curve over seconds."""
    points = []
    for time, value in _curve(text, "emotion", "0:0.2,0.5;30:0.8,0.9 (seconds:valence,arousal)"):
        pair = value.split(",")
        try:
            valence, arousal = (float(number) for number in pair)
        except ValueError:
            valence = arousal = math.nan
        if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
            raise ComposeError(
                f"emotion: {value!r} is no valence,arousal from -1 to 1 each; write for example 0.5,-0.2"
            )
        points.append(Emotion(time=time, valence=valence, arousal=arousal))
    return points


def parse_dynamics(text: str) -> dict[str, list[Level]]:
    """``"0:-6; 30:3"``: a curve of seconds and decibels for all tracks; ``"drums 0:-6; 30:3 / vocals 2"``: by track."""
    curves: dict[str, list[Level]] = {}
    for piece in text.split("/"):
        name, _, curve = piece.strip().partition(" ")
        tracks, curve = ((name,), curve) if name in TRACKS else (TRACKS, piece)
        levels = []
        for time, value in _curve(curve, "dynamics", "0:-6;30:3 (seconds:decibels), or drums 0:-6 / vocals 0:3"):
            try:
                decibels = float(value)
            except ValueError:
                decibels = math.nan
            if not -40 <= decibels <= 20:
                raise ComposeError(f"dynamics: {value!r} is no level from -40 to 20 decibels, or no track of {TRACKS}")
            levels.append(Level(time=time, decibels=decibels))
        curves |= dict.fromkeys(tracks, levels)
    return curves


def _curve(text: str, control: str, example: str) -> list[tuple[float, str]]:
    """``"0:a; 30:b"`` → [(0.0, "a"), (30.0, "b")]; a text without times is one point at 0 s."""
    pieces = [piece.strip() for piece in re.split(r"[;\n]", text) if piece.strip()]
    points: list[tuple[float, str]] = []
    for piece in pieces:
        time, colon, value = piece.rpartition(":")
        if not colon and len(pieces) > 1:
            raise ComposeError(f"{control}: {piece!r} lacks its time; write for example {example}")
        try:
            seconds = float(time) if colon else 0.0
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds < math.inf or (points and seconds <= points[-1][0]):
            raise ComposeError(f"{control}: {time!r} is no time after the one before it; write for example {example}")
        points.append((seconds, value.strip()))
    if not points:
        raise ComposeError(f"{control}: nothing given; write for example {example}")
    return points


def key_of(pitch_classes: list[int]) -> str:
    """The major or minor key that fits best to pitch classes in order: most of them in its scale, then in its tonic
    triad, the first and last one counting as tonics."""

    def fit(tonic: int, mode: str) -> float:
        steps = [(pitch_class - tonic) % 12 for pitch_class in pitch_classes]
        triad = (0, 4 if mode == "major" else 3, 7)
        inside = sum(1.0 + 0.5 * (step in triad) for step in steps if step in _SCALES[mode]) / len(steps)
        return inside + 0.3 * (steps[-1] == 0) + 0.2 * (steps[0] == 0)

    tonic, mode = max(((t, m) for m in _SCALES for t in range(12)), key=lambda key: fit(*key))
    return f"{PITCH_CLASSES[tonic]} {mode}"
