"""``songdiff compose``: only the plan of a song, to read and to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from . import options


def compose_score(
    lyrics: Annotated[Optional[Path], typer.Argument(help="A lyrics file; none: instrumental.")] = None,
    prompt: Annotated[str, typer.Option(help="The style in words.")] = "",
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Score as JSON; .mid writes MIDI, .lrc the timed words.")
    ] = Path("score.json"),
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1)] = 0,
    duration: Annotated[Optional[float], typer.Option(help="Seconds; none: what the lyrics need.")] = None,
    bpm: options.Bpm = None,
    key: options.Key = None,
    time_signature: options.TimeSignature = None,
    chords: options.Chords = None,
    melody: options.Melody = None,
    singer: options.SingerOption = None,
    emotion: options.Emotion = None,
    dynamics: options.Dynamics = None,
) -> None:
    """Write the score that the composer proposes; ``songdiff generate --score`` sings it."""
    from ..audio import check_writable
    from ..composer import compose
    from ..lyrics import load_lyrics
    from ..pipelines.controls import Controls
    from ..score import to_lrc, to_midi

    check_writable(output, (".json", ".mid", ".lrc"))
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
    controls = Controls.read(**chosen)
    score = compose(
        None if lyrics is None else load_lyrics(lyrics), prompt, duration=duration, seed=seed, **controls.for_composer()
    )
    if output.suffix == ".mid":
        to_midi(score, output)
    else:
        output.write_text(to_lrc(score) if output.suffix == ".lrc" else score.to_json(), encoding="utf-8")
    print(output)
