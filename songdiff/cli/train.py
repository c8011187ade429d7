"""``songdiff train``: run a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def train(
    recipe: Annotated[Path, typer.Argument(help="A YAML recipe.")],
    overrides: Annotated[Optional[list[str]], typer.Argument(help="key.path=value, such as steps=100.")] = None,
) -> None:
    """Train one part, or go on with it; the same under ``accelerate launch -m songdiff train``."""
    from ..training import build_task, load_recipe
    from ..training import train as run

    settings = load_recipe(recipe, tuple(overrides or ()))
    print(run(build_task(settings), settings))
