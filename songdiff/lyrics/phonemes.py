"""One phoneme inventory for every language and every engine, in IPA.

The index of a symbol in :data:`INVENTORY` is what the models are trained on: append new symbols, never reorder.
"""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN = "?"  # something may or may not be sung here: the model decides
SILENCE = "_"  # nothing is sung here

VOWELS = (
    "i ɪ e ɛ æ a ɑ ɒ ɔ o ʊ u ʌ ə ɚ y ø œ ɯ ɨ ɐ "  # monophthongs
    "eɪ aɪ ɔɪ aʊ oʊ "  # English diphthongs
    "ɛ̃ ɑ̃ ɔ̃ œ̃"  # nasal vowels
).split()
CONSONANTS = (
    "p b t d k ɡ m n ŋ f v θ ð s z ʃ ʒ h l ɹ j w tʃ dʒ ɾ "  # English
    "r ʁ x ç ɲ ʎ β ɣ ɥ ts dz ɕ tɕ pʰ tʰ kʰ tsʰ tɕʰ ʂ tʂ tʂʰ ɻ ɸ"  # Spanish, German, French, Italian, Japanese, Mandarin
).split()
INVENTORY: tuple[str, ...] = (UNKNOWN, SILENCE, "breath", *VOWELS, *CONSONANTS)


@dataclass(frozen=True)
class Syllable:
    """Phonemes of one syllable, in order; ``stress`` 0 none, 1 primary, 2 secondary."""

    phonemes: tuple[str, ...]
    stress: int = 0
