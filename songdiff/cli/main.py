"""The command line: every command parses, calls one library function and prints. Bad input exits with code 2."""

from __future__ import annotations

import sys

import typer

from ..errors import InputError
from . import (
    accompany,
    assemble,
    bench,
    compose,
    corpus,
    cover,
    doctor,
    edit,
    evaluate,
    extend,
    generate,
    lyrics,
    preferences,
    prepare,
    replay,
    separate,
    train,
)

app = typer.Typer(
    name="songdiff", help="Songs from lyrics and a style prompt.", no_args_is_help=True, add_completion=False
)
app.command("generate")(generate.generate)
app.command("replay")(replay.replay)
app.command("edit")(edit.edit)
app.command("extend")(extend.extend)
app.command("accompany")(accompany.accompany)
app.command("cover")(cover.cover)
app.command("separate")(separate.separate)
app.command("compose")(compose.compose_score)
app.command("assemble")(assemble.assemble)
app.command("prepare")(prepare.prepare)
app.command("train")(train.train)
app.command("preferences")(preferences.preferences)
app.command("evaluate")(evaluate.evaluate)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)
app.add_typer(lyrics.app, name="lyrics")
app.add_typer(corpus.app, name="corpus")


def main() -> None:
    """Entry point of ``songdiff``."""
    try:
        app()
    except InputError as error:
        print(f"songdiff: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("songdiff: interrupted", file=sys.stderr)
        sys.exit(130)
