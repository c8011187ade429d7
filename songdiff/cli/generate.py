"""``songdiff generate``: a song from lyrics and a style prompt."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from ..errors import InputError
from . import options


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
    guidance_interval: Annotated[
        Optional[tuple[float, float]], typer.Option(help="Least and greatest time (1 noise, 0 song) of guidance.")
    ] = None,
    negative_prompt: Annotated[str, typer.Option(help="Style to steer away from.")] = "",
    reference: Annotated[Optional[Path], typer.Option(help="A recording whose style replaces the prompt's.")] = None,
    voice: Annotated[Optional[Path], typer.Option(help="At least 3 s of a voice alone, to sing like.")] = None,
    singer: options.SingerOption = None,
    bpm: options.Bpm = None,
    key: options.Key = None,
    time_signature: options.TimeSignature = None,
    chords: options.Chords = None,
    melody: options.Melody = None,
    emotion: options.Emotion = None,
    dynamics: options.Dynamics = None,
    planner: Annotated[str, typer.Option(help="composer, or none: the model alone.")] = "composer",
    score: Annotated[
        Optional[Path], typer.Option(help="Sing this score (of a song's JSON, or `songdiff compose`).")
    ] = None,
    best_of: Annotated[
        int, typer.Option(min=1, help="Render so many candidates (noise of seed, seed + 1 ...) and keep the best.")
    ] = 1,
    repair: Annotated[
        bool, typer.Option("--repair", help="Sing the worst lines again where the words are not heard.")
    ] = False,
    repair_rounds: Annotated[
        Optional[int], typer.Option(min=1, help="So many times over; implies --repair. None: once.")
    ] = None,
    stems: Annotated[Optional[Path], typer.Option(help="Folder for the four stems.")] = None,
    keep_latents: Annotated[
        bool, typer.Option("--keep-latents", help="Keep what edit and extend need, in a small file beside the song.")
    ] = False,
    lora: options.Lora = None,
    model: Annotated[str, typer.Option(help="An embedded model or a checkpoint folder.")] = "songdiff/tiny",
) -> None:
    """Make a song, and beside it a JSON file with all that went into it."""
    from ..composer import parse_style
    from ..pipelines import SongPipeline
    from ..pipelines.adapters import AdapterFile
    from ..pipelines.request import SongRequest, check_outputs, make_song, write_song
    from ..score import Score

    check_outputs(output, stems)
    if planner not in ("composer", "none"):
        raise InputError(f"--planner {planner}: choose composer or none")
    given = None if score is None else Score.load(score)
    chosen = options.read_controls(
        bpm=bpm,
        key=key,
        time_signature=time_signature,
        chords=chords,
        melody=melody,
        singer=singer,
        emotion=emotion,
        dynamics=dynamics,
    )
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
        guidance_interval=guidance_interval,
        planner=planner,
        voice=None if voice is None else str(voice),
        reference=None if reference is None else str(reference),
        best_of=best_of,
        repair_rounds=int(repair) if repair_rounds is None else repair_rounds,
        adapters=[AdapterFile.parse(text) for text in lora] if lora else None,
        **chosen,
    )
    pipeline = SongPipeline.with_adapters(model, request.adapters)
    unknown = [word for word in parse_style(prompt).unknown_words if word not in pipeline.concepts]
    if unknown:
        print(
            f"songdiff: warning: the style words {', '.join(unknown)} are not known and have no effect", file=sys.stderr
        )
    unheard = [name for name in request.asked if {"bpm": "tempo"}.get(name, name) not in pipeline.transformer.groups]
    if unheard:
        print(f"songdiff: warning: {model} does not hear {', '.join(unheard)}; only the score follows", file=sys.stderr)
    song = make_song(request, pipeline, given, report=lambda line: print(f"songdiff: {line}", file=sys.stderr))
    for path in write_song(song, request, output, stems, given, keep_latents):
        print(path)
