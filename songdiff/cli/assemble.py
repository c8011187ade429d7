"""``songdiff assemble``: trained parts → one checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def assemble(
    out: Annotated[Path, typer.Argument(help="The checkpoint folder to write.")],
    autoencoder: Annotated[Path, typer.Option(help="Export folder of its training.")],
    style_encoder: Annotated[Path, typer.Option(help="Export folder of its training.")],
    transformer: Annotated[Path, typer.Option(help="Export folder of its training.")],
    vocoder: Annotated[
        Optional[Path], typer.Option(help="Export folder of its training; a waveform autoencoder needs none.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Default number of denoising steps.")] = 32,
    guidance: Annotated[float, typer.Option(help="Default guidance scale of the score.")] = 2.0,
    style_guidance: Annotated[float, typer.Option(help="Default guidance scale of the style.")] = 2.0,
    vocals_guidance: Annotated[
        Optional[float], typer.Option(help="Default guidance scale of the vocals, score and style; none: as the rest.")
    ] = None,
) -> None:
    """Put trained parts into one folder that `songdiff generate --model` takes."""
    from ..pipelines.assemble import assemble as write

    print(
        write(
            out,
            autoencoder,
            vocoder,
            style_encoder,
            transformer,
            num_inference_steps=steps,
            guidance_scale=guidance,
            style_guidance_scale=style_guidance,
            vocals_guidance_scale=vocals_guidance,
        )
    )
