"""The groups of features: what the conditions of a latent frame are made of, and how many numbers each takes.

:func:`~songdiff.conditioning.frame_conditions` always writes every group; the transformer's config lists those that
it knows, so a checkpoint trained before a group existed keeps working. A group never changes its meaning or size.
"""

from __future__ import annotations

import numpy as np
import torch

from ..score import SECTION_LABELS, TRACKS

FINE = 4  # fine frames per latent frame
GRAINS = ("phoneme", "word", "line")  # how finely the phonemes are timed
DRUM_CLASSES: tuple[
    tuple[int, ...], ...
] = (  # General MIDI drum keys: kick, snare, closed hat, open hat, cymbal, tom, other
    (35, 36),
    (37, 38, 39, 40),
    (42, 44),
    (46,),
    (49, 51, 52, 53, 55, 57, 59),
    (41, 43, 45, 47, 48, 50),
    (),
)
ROLL_LOW, ROLL_HIGH = 36, 97  # pitches of the piano roll for the track "other"
MODES = ("major", "minor", "dorian", "mixolydian")
METERS = ("4/4", "3/4", "6/8")
LANGUAGES = ("en-us", "es", "de", "fr-fr", "it", "ja", "cmn-latn-pinyin")
VOCAL_STYLES = ("plain", "soft", "belted", "airy", "rap")
NAME_CODE, TIMBRE_CODE = 32, 16

GROUPS: dict[str, int] = {  # feature numbers per latent frame
    "phonemes": len(GRAINS),
    "melody": FINE,
    "bass": FINE,
    "drums": FINE * len(DRUM_CLASSES),
    "other": ROLL_HIGH - ROLL_LOW + FINE,
    "chords": 25,
    "beats": 2 * FINE + 4,
    "sections": len(SECTION_LABELS) + 1,
    "activity": len(TRACKS),
    "emotion": 2,
    "position": 4,  # how far to the song's two ends
    "dynamics": 2 * len(TRACKS),  # level of each track, then whether it is known
    "tempo": 3,  # octaves above 120 bpm, and their place in the octave: twice the tempo is nearly the same
    "key": 12 + len(MODES),  # of the section; no flag of mode for another mode
    "time_signature": len(METERS) + 1,  # the last one for any other
    "singer": 2 + len(VOCAL_STYLES) + TIMBRE_CODE + 2 * 3,  # gender, style, timbre; three amounts, then if known
    "singer_name": NAME_CODE,
    "backing": 12 + 4,  # pitch classes of the harmony, its lowest and highest pitch; harmony, double
    "language": len(LANGUAGES) + 1,  # the last one for any other
}
GROUP_NAMES = tuple(GROUPS)
FIRST_GROUPS = GROUP_NAMES[: GROUP_NAMES.index("position") + 1]  # all that checkpoints without a list of groups know
VOICE = "voice"  # a clip of the singer; its size is the autoencoder's, so it travels beside the features
ALL_GROUPS = (*GROUPS, VOICE)
CONTROLS = tuple(group for group in ALL_GROUPS if group != "position")  # what can be unknown
STREAMS = ("phonemes", "melody", "bass")  # groups with tokens beside their features
NUM_FEATURES = sum(GROUPS.values())
OFFSETS: dict[str, int] = dict(zip(GROUPS, np.cumsum([0, *GROUPS.values()])[:-1].tolist(), strict=True))
GROUP_OF_FEATURE = torch.arange(len(GROUPS)).repeat_interleave(torch.tensor(list(GROUPS.values())))

_AMOUNTS = 2 + len(VOCAL_STYLES) + TIMBRE_CODE
ATTRIBUTES: dict[str, tuple[tuple[int, ...], ...]] = {
    "dynamics": tuple((track, len(TRACKS) + track) for track in range(len(TRACKS))),
    "singer": (
        (0, 1),
        tuple(range(2, 2 + len(VOCAL_STYLES))),
        tuple(range(2 + len(VOCAL_STYLES), _AMOUNTS)),
        *((_AMOUNTS + i, _AMOUNTS + 3 + i) for i in range(3)),
    ),
}
"""Columns, within their group, of what can be unknown by itself: a track's level, an attribute of the singer."""
