"""``songdiff edit``: spans of a song rendered again, the rest untouched."""

from __future__ import annotations

import math
import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ..errors import InputError
from .options import Lora

Song = Annotated[Path, typer.Argument(help="WAV or FLAC, made by songdiff or not, or a folder of stems.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="WAV or FLAC; keeps the song's rate, depth and channels.")]
Stems = Annotated[
    Optional[Path], typer.Option(help="Folder with vocals.wav, drums.wav, bass.wav, other.wav of the song.")
]
GivenScore = Annotated[Optional[Path], typer.Option(help="Score of the song, where the JSON beside it has none.")]
KeepStems = Annotated[Optional[Path], typer.Option(help="Folder for the stems of the result.")]
KeepLatents = Annotated[bool, typer.Option("--keep-latents", help="Keep the latents, so that it can be edited again.")]
Prompt = Annotated[Optional[str], typer.Option(help="The style of what is new; none: as the song was made.")]
Seed = Annotated[Optional[int], typer.Option(min=0, max=2**32 - 1, help="Same seed, same result; none: a random one.")]
Steps = Annotated[Optional[int], typer.Option(help="Denoising steps.")]
Guidance = Annotated[Optional[float], typer.Option(help="Guidance scale of the score.")]
StyleGuidance = Annotated[Optional[float], typer.Option(help="Guidance scale of the style.")]
Context = Annotated[float, typer.Option(min=0, help="Seconds of the song that the model hears on either side.")]
Model = Annotated[Optional[str], typer.Option(help="An embedded model or a checkpoint folder; none: the song's own.")]


def edit(
    song: Song,
    output: Output,
    span: Annotated[
        list[str], typer.Option(help="START:END in seconds, as often as needed; ':8' and '12:' reach to the ends.")
    ],
    tracks: Annotated[
        Optional[str],
        typer.Option(help="Of vocals,drums,bass,other; none: the vocals for words and singer, else all."),
    ] = None,
    lyrics: Annotated[
        Optional[Path], typer.Option(help="New words for the spans; of an LRC only the lines that start in them.")
    ] = None,
    keep: Annotated[
        Optional[str],
        typer.Option(help="melody: new words on its notes (as without); words: another melody; nothing: both new."),
    ] = None,
    melody: Annotated[
        Optional[Path], typer.Option(help="With --keep words: a MIDI file, whose pitches the words are sung on.")
    ] = None,
    singer: Annotated[
        Optional[str], typer.Option(help="'female, bright, breathy', or a name that the model knows.")
    ] = None,
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
    """Render spans of a song again. Outside them and 0.1 s about them the result is the song, sample for sample."""
    from ..lyrics import load_lyrics
    from ..score import melody_from_midi

    if lyrics is not None:
        load_lyrics(lyrics)
    if keep not in (None, "melody", "words", "nothing"):
        raise InputError(f"--keep {keep}: choose melody, words or nothing")
    made_of(
        song,
        output,
        stems,
        score,
        keep_stems,
        keep_latents,
        lora,
        model,
        task="edit",
        spans=[_span(text) for text in span],
        tracks=None if tracks is None else [track.strip() for track in tracks.split(",") if track.strip()],
        lyrics=None if lyrics is None else lyrics.read_bytes().decode("utf-8-sig"),
        keep=keep,
        melody=None if melody is None else melody_from_midi(melody),
        singer=singer,
        prompt=prompt,
        seed=secrets.randbits(32) if seed is None else seed,
        num_inference_steps=steps,
        guidance_scale=guidance,
        style_guidance_scale=style_guidance,
        context=context,
    )


def made_of(
    song: Path,
    output: Path,
    stems: Path | None,
    score: Path | None,
    keep_stems: Path | None,
    keep_latents: bool,
    lora: list[str] | None,
    model: str | None,
    **fields: Any,
) -> None:
    """Run the :class:`~songdiff.pipelines.edit_request.EditRequest` of ``fields`` and print what it wrote."""
    from ..pipelines import Known, SongPipeline
    from ..pipelines.edit_request import EditRequest, check_edit_outputs, write_known
    from ..score import Score

    known = Known.from_song(song, stems, None if score is None else Score.load(score))
    home = output.parent
    request = EditRequest(
        source=os.path.relpath(song, home),
        stems=None if stems is None else os.path.relpath(stems, home),
        score=None if score is None else os.path.relpath(score, home),
        keep_latents=keep_latents,
        **fields,
    )
    spans = [(start, min(end, known.duration) if end == math.inf else end) for start, end in request.spans]
    request = request.model_copy(update={"spans": spans}).made_as(known, model, lora or ())
    check_edit_outputs(known, song, output, keep_stems)
    if known.missing:
        there = "the mix" if not known.tracks else f"stems of {', '.join(known.tracks)}"
        print(f"songdiff: {known.name}: only {there} known; the rest cannot be rendered alone", file=sys.stderr)
    pipeline = SongPipeline.with_adapters(request.model, request.adapters)
    known = known.with_latents(pipeline) if keep_latents else known
    made = request.run(pipeline, known, home, lambda line: print(f"songdiff: {line}", file=sys.stderr))
    for path in write_known(made, request, output, keep_stems):
        print(path)


def _span(text: str) -> tuple[float, float]:
    start, colon, end = text.partition(":")
    try:
        span = float(start or 0), float(end or math.inf)
    except ValueError:
        span = math.nan, math.nan
    if not colon or not 0 <= span[0] < span[1]:
        raise InputError(f"--span {text}: write START:END in seconds, such as 12.5:20, with start before end")
    return span
