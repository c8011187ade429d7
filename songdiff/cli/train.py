"""``songdiff train``: run a recipe, or say what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def train(
    recipe: Annotated[Path, typer.Argument(help="A YAML recipe.")],
    overrides: Annotated[Optional[list[str]], typer.Argument(help="key.path=value, such as steps=100.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what it needs: memory, operations, hours.")] = False,
    devices: Annotated[int, typer.Option(min=1, help="With --plan: how many devices.")] = 1,
) -> None:
    """Train one part, or go on with it; the same under ``accelerate launch -m songdiff train``."""
    from accelerate import PartialState

    from ..training import build_task, load_recipe
    from ..training import train as run

    settings = load_recipe(recipe, tuple(overrides or ()))
    if plan:
        from rich.console import Console

        from ..training.plan import plan_training

        planned = plan_training(settings, devices)
        print("\n".join(planned.lines()))
        if planned.flops is not None:
            Console().print(planned.table())
        return
    folder = run(build_task(settings), settings)
    PartialState().print(folder)  # the main process alone
