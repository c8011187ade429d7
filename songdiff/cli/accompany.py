"""``songdiff accompany``: the tracks that given ones lack."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from .edit import Guidance, KeepLatents, KeepStems, Output, Seed, Steps, StyleGuidance
from .options import Lora, text_or_file

Bpm = Annotated[Optional[float], typer.Option(help="Felt beats a minute of the given audio; none: as heard.")]
Key = Annotated[Optional[str], typer.Option(help="'D minor', 'Bb major' ...; none: as heard.")]
TimeSignature = Annotated[Optional[str], typer.Option(help="4/4, 3/4 or 6/8; none: the style's, or as heard.")]
FirstBeat = Annotated[Optional[float], typer.Option(help="Seconds at which a bar begins; none: as heard.")]
Chords = Annotated[
    Optional[str], typer.Option(help="'C Am F G', a chord a bar, repeated; or a text file; none: as heard.")
]


def accompany(
    output: Output,
    stem: Annotated[
        Optional[list[str]],
        typer.Argument(help="Files of single tracks: vocals=take.wav, or a name that tells, such as my_drums.flac."),
    ] = None,
    tracks: Annotated[
        Optional[str], typer.Option(help="Of vocals,drums,bass,other; none: all that are missing, vocals with lyrics.")
    ] = None,
    prompt: Annotated[str, typer.Option(help="The style in words.")] = "",
    melody: Annotated[
        Optional[Path], typer.Option(help="MIDI file (with --bpm), or one voice that hums: an instrument plays it.")
    ] = None,
    lyrics: Annotated[Optional[Path], typer.Option(help="Words for the vocals to be made.")] = None,
    score: Annotated[Optional[Path], typer.Option(help="Play this score; nothing is estimated.")] = None,
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
    model: Annotated[str, typer.Option(help="An embedded model or a checkpoint folder.")] = "songdiff/tiny",
) -> None:
    """Make the missing tracks of a song, in time and in key. The given ones come back sample for sample."""
    from ..audio import check_writable
    from ..lyrics import load_lyrics
    from ..pipelines import SongPipeline
    from ..pipelines.accompany_request import AccompanyRequest, named_stems
    from ..pipelines.adapters import AdapterFile
    from ..pipelines.edit_request import check_edit_outputs, digest, write_known
    from ..pipelines.known import Known

    if lyrics is not None:
        load_lyrics(lyrics)
    stems, home = named_stems(stem or []), output.parent
    known = Known.from_stems(stems) if stems else None
    if known is not None:
        for path in stems.values():
            check_edit_outputs(known, path, output, keep_stems)
    check_writable(output, (".wav", ".flac"))
    request = AccompanyRequest(
        given={track: os.path.relpath(path, home) for track, path in stems.items()},
        tune=None if melody is None else os.path.relpath(melody, home),
        tracks=None if tracks is None else [track.strip() for track in tracks.split(",") if track.strip()],
        lyrics=None if lyrics is None else lyrics.read_bytes().decode("utf-8-sig"),
        score=None if score is None else os.path.relpath(score, home),
        prompt=prompt,
        model=model,
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
        adapters=[AdapterFile.parse(text) for text in lora] if lora else None,
    )
    if known is not None:
        request = request.model_copy(update={"digest": digest(known)})
    made = request.run(
        SongPipeline.with_adapters(model, request.adapters),
        known,
        home,
        lambda line: print(f"songdiff: {line}", file=sys.stderr),
    )
    for path in write_known(made, request, output, keep_stems):
        print(path)
