"""``songdiff prepare``: a folder of your own songs as a corpus to train on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def prepare(
    folder: Annotated[
        Path, typer.Argument(help="Songs (WAV, FLAC, MP3, OGG; stems, lyrics, tags), or a list of latents.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the corpus; what is already there is kept.")],
    max_duration: Annotated[float, typer.Option(help="Seconds; longer songs are cut where sections begin.")] = 285.0,
    language: Annotated[str, typer.Option(help="Of lyrics that do not say theirs: en-us, de, es ...")] = "en-us",
    test_share: Annotated[float, typer.Option(help="Share of songs held out from training.")] = 0.05,
    separate: Annotated[
        Optional[Path], typer.Option(metavar="WEIGHTS", help="Take mixes apart with these Hybrid Demucs weights.")
    ] = None,
    autoencoder: Annotated[
        Optional[Path], typer.Option(help="A trained one: store its latents, so that trainings need not encode.")
    ] = None,
    latent_decoder: Annotated[
        Optional[Path], typer.Option(help="Of a list id|lrc.pt|latent.pt|style.pt: the autoencoder of its latents.")
    ] = None,
    vocabulary: Annotated[
        Optional[Path], typer.Option(help="Of a list whose lyrics are numbers: the phonemes' names (vocab.json).")
    ] = None,
    workers: Annotated[Optional[int], typer.Option(min=1, help="Processes; none: one per core.")] = None,
    engine: Annotated[str, typer.Option(help="processes, or ray: a cluster (RAY_ADDRESS).")] = "processes",
) -> None:
    """Check, align, annotate and pack your own songs, and say why each is kept or left out. Stop it at any time."""
    from rich.console import Console

    from ..data.prepare import prepare_corpus

    report = prepare_corpus(
        folder,
        out,
        longest=max_duration,
        language=language,
        test_share=test_share,
        separator=separate,
        autoencoder=autoencoder,
        latent_decoder=latent_decoder,
        vocabulary=vocabulary,
        workers=workers,
        engine=engine,
    )
    Console().print(report.table())
    print(out / "report.html")
