"""``songdiff cover``: a song in another style or voice."""

from __future__ import annotations

import os
import secrets
import sys
from typing import Annotated, Optional

import typer

from .accompany import Bpm, Chords, FirstBeat, Key, TimeSignature
from .edit import GivenScore, Guidance, KeepLatents, KeepStems, Model, Output, Seed, Song, Stems, Steps, StyleGuidance
from .options import Lora, text_or_file


def cover(
    song: Song,
    output: Output,
    prompt: Annotated[str, typer.Option(help="The new style in words; none: the song's own.")] = "",
    singer: Annotated[
        Optional[str], typer.Option(help="'female, bright, breathy', or a name that the model knows.")
    ] = None,
    strength: Annotated[
        float, typer.Option(min=0, max=1, help="0: the song itself; 1: only its words, melody, chords and form.")
    ] = 1.0,
    keep_parts: Annotated[
        bool, typer.Option("--keep-parts", help="Every instrument plays its own notes again, in the new style too.")
    ] = False,
    stems: Stems = None,
    score: GivenScore = None,
    bpm: Bpm = None,
    key: Key = None,
    time_signature: TimeSignature = None,
    first_beat: FirstBeat = None,
    chords: Chords = None,
    seed: Seed = None,
    steps: Steps = None,
    guidance: Guidance = None,
    style_guidance: StyleGuidance = None,
    keep_stems: KeepStems = None,
    keep_latents: KeepLatents = False,
    lora: Lora = None,
    model: Model = None,
) -> None:
    """Sing and play a song again in another style or voice. Words, melody, chords and form stay."""
    from ..pipelines import SongPipeline
    from ..pipelines.accompany_request import CoverRequest
    from ..pipelines.edit_request import check_edit_outputs, write_known

    home = output.parent
    request = CoverRequest(
        source=os.path.relpath(song, home),
        stems=None if stems is None else os.path.relpath(stems, home),
        score=None if score is None else os.path.relpath(score, home),
        prompt=prompt,
        singer=singer,
        strength=strength,
        keep_parts=keep_parts,
        bpm=bpm,
        key=key,
        time_signature=time_signature,
        first_beat=first_beat,
        chords=text_or_file(chords),
        seed=secrets.randbits(32) if seed is None else seed,
        num_inference_steps=steps,
        keep_latents=keep_latents,
        guidance_scale=guidance,
        style_guidance_scale=style_guidance,
    )
    known = request.load(home)
    request = request.made_as(known, model, lora or ())
    check_edit_outputs(known, song, output, keep_stems)
    made = request.run(
        SongPipeline.with_adapters(request.model, request.adapters),
        known,
        home,
        lambda line: print(f"songdiff: {line}", file=sys.stderr),
    )
    for path in write_known(made, request, output, keep_stems):
        print(path)
