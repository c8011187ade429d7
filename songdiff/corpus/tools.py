"""Outside tools that the corpus needs, and one clear error where one is missing."""

from __future__ import annotations

from ..errors import InputError


class MissingToolError(InputError):
    """A program, library or data file that is not installed; its one line gives the command that installs it."""

    def __init__(self, name: str, remedy: str) -> None:
        super().__init__(f"{name} is not installed; install it with: {remedy}")
        self.name = name
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[MissingToolError], tuple[str, str]]:
        return type(self), (self.name, self.remedy)  # so that it travels whole between processes
