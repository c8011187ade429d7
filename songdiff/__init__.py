"""songdiff: songs from lyrics and a style prompt. Importing it is light: heavy parts load when first used."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_LAZY = {
    "SongPipeline": "songdiff.pipelines",
    "Score": "songdiff.score",
    "load_lyrics": "songdiff.lyrics",
    "parse_lyrics": "songdiff.lyrics",
    "compose": "songdiff.composer",
}
__all__ = ["Score", "SongPipeline", "__version__", "compose", "load_lyrics", "parse_lyrics"]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'songdiff' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
