"""What `songdiff doctor` looks for: packages, system tools and the soundfont, each with the command that mends it."""

from __future__ import annotations

import ctypes.util
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from .instruments import find_soundfont, fluidsynth_library
from .tools import MissingToolError

CORE = "torch torchaudio diffusers numpy scipy soundfile pydantic phonemizer-fork espeakng-loader".split()
CORPUS = ("pyworld", "pedalboard", "webdataset")


@dataclass(frozen=True)
class Check:
    """One thing looked for: ``detail`` is its version or place, ``remedy`` what installs it ("" if found)."""

    name: str
    found: bool
    detail: str
    remedy: str = ""


def checks() -> list[Check]:
    """Everything songdiff needs, in order of importance; packages are looked up, not imported."""
    python = ".".join(map(str, sys.version_info[:3]))
    modern = sys.version_info >= (3, 11)
    found = [Check("python", modern, python, "" if modern else "install Python 3.11 or newer")]
    found += [_package(name, f"pip install {name}") for name in CORE]
    found += [_package(name, "pip install 'songdiff[corpus]'") for name in CORPUS]
    return [*found, _flite(), _fluidsynth(), _soundfont()]


def _package(name: str, remedy: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, "not installed", remedy)


def _flite() -> Check:
    place = ctypes.util.find_library("flite")
    return Check("flite", place is not None, place or "not found", "" if place else "apt-get install flite")


def _fluidsynth() -> Check:
    try:
        return Check("libfluidsynth", True, str(fluidsynth_library()._name))
    except MissingToolError as error:
        return Check("libfluidsynth", False, "not found", error.remedy)


def _soundfont() -> Check:
    try:
        return Check("soundfont", True, str(find_soundfont()))
    except MissingToolError as error:
        return Check("soundfont", False, "not found", error.remedy)
