"""``songdiff corpus``: songs to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(help="Make the training corpus.", no_args_is_help=True)


@app.callback()
def corpus() -> None:
    """Make the training corpus."""


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder of the corpus; what is already there is kept.")],
    hours: Annotated[float, typer.Option(min=0.001, help="Hours of songs.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[Optional[int], typer.Option(min=1, help="Processes; none: one per core.")] = None,
    durations: Annotated[tuple[float, float], typer.Option(help="Shortest and longest song in seconds.")] = (20, 150),
) -> None:
    """Compose songs and render them to four stems with exact annotations. Stop it at any time; it goes on."""
    from ..corpus.build import build_corpus

    print(build_corpus(out, hours=hours, seed=seed, workers=workers, durations=durations))


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="A corpus folder.")],
    html: Annotated[Optional[Path], typer.Option(help="Also write a page with a few songs to hear and see.")] = None,
    songs: Annotated[int, typer.Option(min=1, help="How many songs the page shows, and loudness is measured on.")] = 8,
) -> None:
    """Print statistics: hours, genres, tempos, keys, phonemes, voices, languages, splits, loudness."""
    from rich.console import Console

    from ..corpus.inspect import inspect_corpus

    Console().print(inspect_corpus(folder, html, songs))
    if html is not None:
        print(html)


@app.command()
def voices(
    lines: Annotated[int, typer.Option(min=1, help="Sung lines, shared out over all English voices.")] = 200,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Let a speech recogniser pick each English voice's sung lines among ten, and print how many it got right."""
    from ..corpus.audition import audition
    from ..corpus.voices import VOICES

    english = [voice for voice in VOICES.values() if voice.language.startswith("en")]
    right = total = 0
    for voice, told, heard, *_ in audition(english, -(-lines // len(english)), seed):
        print(f"{voice:10} {told:4} of {heard:4}  {told / heard:6.1%}", flush=True)
        right, total = right + told, total + heard
    print(f"{'all':10} {right:4} of {total:4}  {right / total:6.1%}")
