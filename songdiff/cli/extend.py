"""``songdiff extend``: more of a song before and after it, or a loop of its bars."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated, Optional

import typer

from ..errors import InputError
from .edit import (
    Context,
    GivenScore,
    Guidance,
    KeepLatents,
    KeepStems,
    Model,
    Output,
    Prompt,
    Seed,
    Song,
    Stems,
    Steps,
    StyleGuidance,
    made_of,
)
from .options import Lora


def extend(
    song: Song,
    output: Output,
    before: Annotated[float, typer.Option(min=0, help="Seconds to add before the song.")] = 0.0,
    after: Annotated[float, typer.Option(min=0, help="Seconds to add after it.")] = 0.0,
    lyrics: Annotated[Optional[Path], typer.Option(help="Words for what comes after or, without that, before.")] = None,
    loop: Annotated[Optional[int], typer.Option(min=1, help="A loop of so many bars instead.")] = None,
    start: Annotated[
        float, typer.Option(min=0, help="With --loop: from the first bar line after so many seconds.")
    ] = 0,
    prompt: Prompt = None,
    seed: Seed = None,
    stems: Stems = None,
    score: GivenScore = None,
    keep_stems: KeepStems = None,
    keep_latents: KeepLatents = False,
    steps: Steps = None,
    guidance: Guidance = None,
    style_guidance: StyleGuidance = None,
    context: Context = 20.0,
    lora: Lora = None,
    model: Model = None,
) -> None:
    """Make a song longer, in its key, tempo, metre and style; what is there stays sample for sample, but for the last
    0.1 s at a join."""
    from ..lyrics import load_lyrics

    if loop is not None and (before or after or lyrics is not None):
        raise InputError("--loop: takes bars of the song as they are; leave out --before, --after and --lyrics")
    if loop is None and not before + after > 0:
        raise InputError("nothing to add: give --before or --after in seconds, or --loop with a number of bars")
    if lyrics is not None:
        load_lyrics(lyrics)
    made_of(
        song,
        output,
        stems,
        score,
        keep_stems,
        keep_latents,
        lora,
        model,
        task="extend" if loop is None else "loop",
        before=before,
        after=after,
        bars=loop or 1,
        start=start,
        lyrics=None if lyrics is None else lyrics.read_bytes().decode("utf-8-sig"),
        prompt=prompt,
        seed=secrets.randbits(32) if seed is None else seed,
        num_inference_steps=steps,
        guidance_scale=guidance,
        style_guidance_scale=style_guidance,
        context=context,
    )
