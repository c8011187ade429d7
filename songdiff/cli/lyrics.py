"""``songdiff lyrics``: what will be sung."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Check lyrics.", no_args_is_help=True)


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A lyrics file.")]) -> None:
    """Print what will be sung, when, in which section, and every line that was not understood."""
    from ..lyrics import describe, load_lyrics

    print(describe(load_lyrics(file)))


@app.command()
def phonemes() -> None:
    """Print the phoneme inventory."""
    from ..lyrics.phonemes import INVENTORY

    print(" ".join(INVENTORY))
