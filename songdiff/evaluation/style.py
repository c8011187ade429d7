"""Does a song have the style that was asked for? A probe that was trained on corpus audio listens.

Its own error on held-out corpus songs is the ceiling to read the figures by.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch

from ..composer import GENRES
from ..errors import InputError
from ..models.style_probe import GENDERS, StyleHeard, StyleProbe
from ..score import Score
from .estimators import chords
from .sound import chroma_features

GENRE_GROUPS: dict[str, tuple[str, ...]] = {
    "acoustic": ("folk", "country", "celtic", "bossa nova", "waltz"),
    "rock": ("rock", "metal", "punk"),
    "jazz and blues": ("jazz", "blues"),
    "groove": ("funk", "soul", "r&b", "disco", "pop"),
    "caribbean": ("reggae", "ska"),
    "beats": ("hip-hop", "trap", "lo-fi"),
    "dance": ("house", "techno", "drum and bass", "synthwave", "chiptune"),
    "calm": ("ballad", "ambient", "orchestral"),
}
_GROUP = {genre: group for group, genres in GENRE_GROUPS.items() for genre in genres}
_CERTAIN = 0.15  # valence or arousal nearer to zero than this has no sign to recognise


@cache
def load_probe(folder: str | None = None) -> StyleProbe:
    """The shipped probe, or one of a folder. Raises :class:`InputError` where there is none."""
    path = Path(folder) if folder else Path(str(files("songdiff.checkpoints"))) / "style_probe"
    if not (path / "config.json").is_file():
        raise InputError(f"{path}: holds no style probe; train one with recipes/style_probe/tiny.yaml")
    return StyleProbe.from_pretrained(path, dtype=torch.float32, low_cpu_mem_usage=False).eval()


def listen(probe: StyleProbe, waveform: np.ndarray, seconds: float = 12.0) -> StyleHeard:
    """(2, samples) at 44.1 kHz → what is heard over the whole song: the mean over stretches of ``seconds``."""
    mono = np.asarray(waveform.mean(0), np.float32)
    length = min(len(mono), round(seconds * probe.config.sample_rate))
    starts = np.linspace(0, len(mono) - length, max(1, round(len(mono) / length))).astype(int)
    with torch.no_grad():
        pieces = [probe(probe.features(torch.from_numpy(mono[None, s : s + length]))) for s in starts]
    return StyleHeard(*(torch.cat(field).mean(0, keepdim=True) for field in zip(*pieces, strict=True)))


def measure_style(
    score: Score, mix: np.ndarray, probe: StyleProbe | None = None, stems: dict[str, np.ndarray] | None = None
) -> dict[str, float | None]:
    """Figures of one song, 1 where the probe hears what the Score says, 0 where not, None where it says nothing.

    ``genre, genre_group, gender, valence_sign, arousal_sign``; ``instruments`` is the F-measure of those it can tell.
    With ``stems``, gender is heard on the vocals, and no voice at all counts as wrong. Valence is not the probe's (54 %
    of held-out songs) but the share of major chords, more or less than half of the time (74 % of 42 corpus songs).
    Raises :class:`InputError` where no probe is installed, or for a mix that is not (2, samples).
    """
    if mix.ndim != 2 or len(mix) != 2 or not mix.shape[1]:
        raise InputError(f"expected a stereo mix (2, samples), got {mix.shape}")
    probe = probe or load_probe()
    heard = listen(probe, mix)
    genre = probe.config.genres[int(heard.genre.argmax())]
    gender = score.singer.gender if score.melody and score.singer else None
    voice = listen(probe, stems["vocals"]) if stems else heard
    brightness = major_share(stems["bass"] + stems["other"] if stems else mix)
    asked = score.mood or (None, None)

    def sign(wanted: float | None, got: float) -> float | None:
        return None if wanted is None or abs(wanted) < _CERTAIN else float(wanted * got > 0)

    return {
        "genre": None if score.genre not in GENRES else float(genre == score.genre),
        "genre_group": None if score.genre not in _GROUP else float(_GROUP[genre] == _GROUP[score.genre]),
        "gender": None if gender is None else float(GENDERS[int(voice.gender.argmax())] == gender),
        "valence_sign": sign(asked[0], 0.0 if brightness is None else brightness - 0.5),
        "arousal_sign": sign(asked[1], float(heard.mood[0, 1])),
        "instruments": _f_measure(score, probe, heard),
    }


def major_share(waveform: np.ndarray) -> float | None:
    """Of the time in which chords sound in (2, samples), the share in which they are major; None without any."""
    spans, labels = chords(chroma_features(waveform.mean(0)))
    lasts = np.diff(spans, axis=1)[:, 0] * [label != "N" for label in labels]
    major = lasts * [label.endswith(":maj") for label in labels]
    return float(major.sum() / lasts.sum()) if lasts.sum() > 0 else None


def _f_measure(score: Score, probe: StyleProbe, heard: StyleHeard) -> float | None:
    if score.parts is None:
        return None
    known = probe.config.instruments
    wanted = {part.instrument for part in score.parts if part.notes} & set(known)
    said = {name for name, logit in zip(known, heard.instruments[0].tolist(), strict=True) if logit > 0}
    return 2 * len(wanted & said) / (len(wanted) + len(said)) if wanted or said else None
