"""``songdiff separate``: a mix taken apart into the tracks that the other commands work on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def separate(
    song: Annotated[Path, typer.Argument(help="A mixed recording.")],
    weights: Annotated[
        Path, typer.Option(help="Weights of Hybrid Demucs, downloaded by you (see docs of torchaudio).")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the four stems.")] = Path("stems"),
) -> None:
    """Write vocals.wav, drums.wav, bass.wav and other.wav of a mix; they add up to it. Needs songdiff[separation]."""
    from ..audio.lossless import AudioFormat, write_lossless
    from ..errors import InputError
    from ..pipelines.known import Known
    from ..pipelines.separation import load_separator
    from ..pipelines.separation import separate as take_apart

    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; the stems need a folder")
    known = Known.from_song(song)
    stems = take_apart(known, load_separator(weights)).stems
    output.mkdir(parents=True, exist_ok=True)
    for track, stem in stems.items():
        write_lossless(output / f"{track}.wav", stem, AudioFormat(known.form.sample_rate, 2, "FLOAT"), {"title": track})
        print(output / f"{track}.wav")
