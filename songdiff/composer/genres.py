"""All genres by name."""

from __future__ import annotations

from .genre import Genre
from .genres_electronic import ELECTRONIC
from .genres_popular import POPULAR
from .genres_roots import ROOTS

GENRES: dict[str, Genre] = {genre.name: genre for genre in (*POPULAR, *ROOTS, *ELECTRONIC)}
