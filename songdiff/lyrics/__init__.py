"""Lyrics: parse, check, pronounce. Strings in, dataclasses out."""

from .parse import (
    LyricLine,
    Lyrics,
    LyricSection,
    LyricsError,
    LyricWord,
    Problem,
    load_lyrics,
    parse_lyrics,
    section_label,
)
from .phonemes import CONSONANTS, INVENTORY, SILENCE, UNKNOWN, VOWELS, Syllable
from .pronounce import ARPABET, IPA, pronounce, syllabify
from .report import describe

__all__ = [
    "ARPABET",
    "CONSONANTS",
    "INVENTORY",
    "IPA",
    "SILENCE",
    "UNKNOWN",
    "VOWELS",
    "LyricLine",
    "LyricSection",
    "LyricWord",
    "Lyrics",
    "LyricsError",
    "Problem",
    "Syllable",
    "describe",
    "load_lyrics",
    "parse_lyrics",
    "pronounce",
    "section_label",
    "syllabify",
]
