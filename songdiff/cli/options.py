"""Options that several commands have: what a user may choose of a song beside its lyrics and style."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ..errors import InputError

Bpm = Annotated[Optional[float], typer.Option(help="Felt beats a minute, 30 to 300.")]
Key = Annotated[Optional[str], typer.Option(help="'D minor', 'Bb major' ...")]
TimeSignature = Annotated[Optional[str], typer.Option(help="4/4, 3/4 or 6/8.")]
Chords = Annotated[Optional[str], typer.Option(help="'C Am F G', a chord a bar; 'C G | F' with bars; or a text file.")]
Melody = Annotated[Optional[Path], typer.Option(help="MIDI file with a note for every syllable.")]
SingerOption = Annotated[
    Optional[str], typer.Option("--singer", help="'female, bright, breathy', or a name that the model knows.")
]
Emotion = Annotated[
    Optional[str],
    typer.Option(help="'valence,arousal' of -1 to 1, a curve '0:0.2,0.5;30:0.8,0.9', or a text file."),
]
Dynamics = Annotated[
    Optional[str],
    typer.Option(help="Seconds:decibels, '0:-6;30:3', or by track 'drums 0:-6 / vocals 0:3', or a text file."),
]

Lora = Annotated[
    Optional[list[str]],
    typer.Option(
        "--lora",
        help="FILE or FILE:SCALE of a LoRA, or of a concept, whose <word> works in the prompt; as often as needed.",
    ),
]


def read_controls(
    *,
    chords: str | None,
    melody: Path | None,
    emotion: str | None,
    dynamics: str | None,
    **others: Any,
) -> dict[str, Any]:
    """Fields of a request: the texts of files where files are named, the notes of a MIDI file, the rest as it is."""
    from ..score import melody_from_midi

    return others | {
        "chords": text_or_file(chords),
        "melody": None if melody is None else melody_from_midi(melody),
        "emotion": text_or_file(emotion),
        "dynamics": text_or_file(dynamics),
    }


def text_or_file(value: str | None) -> str | None:
    """An option's text, or that of the file it names."""
    try:
        return value if value is None or not os.path.isfile(value) else Path(value).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{value}: cannot be read as text") from None
