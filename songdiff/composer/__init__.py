"""The composer fills in a Score: form, harmony, melody, rhythm. No tensors, no audio."""

from .captions import caption
from .compose import compose
from .controls import parse_chords, parse_dynamics, parse_emotion, parse_singer
from .genres import GENRES
from .style import STYLE_WORDS, Style, parse_style, style_tokens
from .text import ComposeError
from .untimed import untimed_score

__all__ = [
    "GENRES",
    "STYLE_WORDS",
    "ComposeError",
    "Style",
    "caption",
    "compose",
    "parse_chords",
    "parse_dynamics",
    "parse_emotion",
    "parse_singer",
    "parse_style",
    "style_tokens",
    "untimed_score",
]
