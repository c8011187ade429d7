"""``songdiff doctor``: what is installed and what is missing."""

from __future__ import annotations

import typer


def doctor() -> None:
    """Print what songdiff found on this machine, and the command that installs what is missing."""
    from ..corpus.doctor import checks

    found = checks()
    for check in found:
        print(
            f"{'ok     ' if check.found else 'missing'}  {check.name}: {check.detail if check.found else check.remedy}"
        )
    raise typer.Exit(0 if all(check.found for check in found) else 1)
