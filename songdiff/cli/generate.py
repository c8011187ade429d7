"""``songdiff generate``: a song from lyrics and a style prompt."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from ..errors import InputError


def generate(
    lyrics: Annotated[
        Optional[Path], typer.Argument(help="Tagged text, LRC, enhanced LRC or word JSON; none: instrumental.")
    ] = None,
    prompt: Annotated[str, typer.Option(help="The style in words.")] = "",
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV, FLAC, OGG or MP3, by its ending.")] = Path(
        "song.wav"
    ),
    seed: Annotated[
        Optional[int], typer.Option(min=0, max=2**32 - 1, help="Same seed, same song; none: a random one.")
    ] = None,
    duration: Annotated[Optional[float], typer.Option(help="Seconds; none: what the lyrics need.")] = None,
    steps: Annotated[Optional[int], typer.Option(help="Denoising steps.")] = None,
    guidance: Annotated[Optional[float], typer.Option(help="Guidance scale of the score.")] = None,
    style_guidance: Annotated[Optional[float], typer.Option(help="Guidance scale of the style.")] = None,
    negative_prompt: Annotated[str, typer.Option(help="Style to steer away from.")] = "",
    reference: Annotated[Optional[Path], typer.Option(help="A recording whose style replaces the prompt's.")] = None,
    planner: Annotated[str, typer.Option(help="composer, or none: the model alone.")] = "composer",
    score: Annotated[
        Optional[Path], typer.Option(help="Sing this score (of a song's JSON, or `songdiff compose`).")
    ] = None,
    stems: Annotated[Optional[Path], typer.Option(help="Folder for the four stems.")] = None,
    model: Annotated[str, typer.Option(help="An embedded model or a checkpoint folder.")] = "songdiff/tiny",
) -> None:
    """Make a song, and beside it a JSON file with all that went into it."""
    from ..composer import parse_style
    from ..pipelines import SongPipeline
    from ..pipelines.request import SongRequest, check_outputs, make_song, write_song
    from ..score import Score

    check_outputs(output, stems)
    if planner not in ("composer", "none"):
        raise InputError(f"--planner {planner}: choose composer or none")
    given = None if score is None else Score.load(score)
    request = SongRequest.from_lyrics_file(
        lyrics,
        model=model,
        prompt=prompt,
        negative_prompt=negative_prompt,
        seed=secrets.randbits(32) if seed is None else seed,
        audio_duration=duration,
        num_inference_steps=steps,
        guidance_scale=guidance,
        style_guidance_scale=style_guidance,
        planner=planner,
        reference=None if reference is None else str(reference),
    )
    unknown = parse_style(prompt).unknown_words
    if unknown:
        print(
            f"songdiff: warning: the style words {', '.join(unknown)} are not known and have no effect", file=sys.stderr
        )
    pipeline = SongPipeline.from_pretrained(model)
    song = make_song(request, pipeline, given)
    for path in write_song(song, request, output, stems, given):
        print(path)
