"""Quality control: can a song be read, and is it fit to learn from? Says why not.

A song is left out for a *reason*; a *remark* is something that whoever uses the corpus should know. It reads sound and
knows no music.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..audio.files import AudioError, read_audio
from ..errors import InputError
from ..evaluation.sound import measure_sound
from ..pipelines.known import active_level
from ..score import TRACKS
from .fingerprint import find_duplicates, fingerprint
from .sources import ACCOMPANIMENT, Source

MIX = "mix"
SAMPLE_RATE = 44100
SHORTEST = 5.0  # seconds
_SILENT_DB, _CLIPPED, _SOME_CLIPPED = -60.0, 0.02, 0.001
_PAUSE, _DULL, _DC, _LONGER = 10.0, 12000.0, 0.01, 1.0  # seconds, Hz, of full scale, seconds
_MIXED_DB, _LEFT_DB = -10.0, -40.0  # what stems may leave of their mix: of a mastered mix; of one that is their sum
_PROBE = 1 << 16  # bytes of a file's beginning, middle and end that its key is made of


class Checked(BaseModel):
    """What is found of a song before anything is made of it.

    ``key`` stands for the content of its files. ``reasons`` say what is wrong with its sound, ``lacks`` why it cannot
    be learned track by track all the same. ``fingerprint``: base64 of uint32, "" where it cannot be read.
    """

    model_config = ConfigDict(extra="forbid")
    key: str
    name: str
    duration: float = 0.0
    reasons: list[str] = []
    lacks: str | None = None
    remarks: list[str] = []
    figures: dict[str, float] = {}
    fingerprint: str = ""


def source_key(folder: Path, source: Source) -> str:
    """A digest of the song's file names and, as far as it is quick to read, contents: 64 kB at three places."""
    digest = hashlib.sha256()
    for path in source.files:
        size = (folder / path).stat().st_size
        digest.update(f"{path}\0{size}\0".encode())
        with (folder / path).open("rb") as file:
            for start in sorted({0, max(0, (size - _PROBE) // 2), max(0, size - _PROBE)}):
                file.seek(start)
                digest.update(file.read(_PROBE))
    return digest.hexdigest()[:16]


def check_song(folder: Path, source: Source, separates: bool = False) -> Checked:
    """Read a song's sound and look for what is wrong with it. ``separates``: mixes will be taken apart into stems."""
    checked = Checked(key=source_key(folder, source), name=source.name)
    try:
        tracks, checked.remarks = read_tracks(folder, source)
    except InputError as error:
        checked.reasons.append(str(error).replace(f"{folder}/", ""))
        return checked
    checked.lacks = None if separates else _lacks(source)
    song = tracks[MIX] if MIX in tracks else np.sum(list(tracks.values()), axis=0)
    checked.duration = song.shape[1] / SAMPLE_RATE
    checked.figures = {name: value for name, value in measure_sound(song).items() if value is not None}
    reasons, remarks = judge(checked.figures, checked.duration)
    checked.reasons = reasons
    checked.remarks += remarks
    checked.fingerprint = base64.b64encode(fingerprint(song.mean(0)).astype("<u4").tobytes()).decode()
    return checked


def judge(figures: dict[str, float], duration: float) -> tuple[list[str], list[str]]:
    """Reasons and remarks that follow from the figures of :func:`~songdiff.evaluation.sound.measure_sound`."""
    reasons: list[str] = []
    remarks: list[str] = []
    clipped = figures.get("clipped_share", 0.0)
    if duration < SHORTEST:
        reasons.append(f"lasts {duration:.1f} s; at least {SHORTEST:g} s are needed")
    if figures.get("true_peak_dbtp", -np.inf) < _SILENT_DB or "loudness_lufs" not in figures:
        reasons.append("is silent")
        return reasons, remarks
    if clipped > _CLIPPED:
        reasons.append(f"is clipped: {clipped:.1%} of its samples are flat")
    elif clipped > _SOME_CLIPPED:
        remarks.append(f"{clipped:.2%} of its samples are clipped")
    if figures.get("stereo_correlation", 1.0) > 0.9999:
        remarks.append("is mono")
    elif figures["stereo_correlation"] < -0.3:
        remarks.append(f"left and right cancel (correlation {figures['stereo_correlation']:.2f})")
    if figures.get("bandwidth_hz", _DULL) < _DULL:
        remarks.append(f"has nothing above {figures['bandwidth_hz'] / 1000:.1f} kHz")
    if figures["dc_offset"] > _DC:
        remarks.append(f"has a DC offset of {figures['dc_offset']:.1%}")
    if figures["silent_middle_s"] > _PAUSE:
        remarks.append(f"is silent for {figures['silent_middle_s']:.0f} s in the middle")
    return reasons, remarks


def read_tracks(folder: Path, source: Source) -> tuple[dict[str, np.ndarray], list[str]]:
    """The sound of a song by track, and remarks: all of :data:`~songdiff.score.TRACKS` where it has stems, else
    :data:`MIX`; each (2, samples) float32 at 44.1 kHz, all of one length.

    A track without a stem is what the others leave of the mix, or silent where they leave nothing or there is no mix.
    Raises :class:`InputError` where a file cannot be read, or stems are not of their mix.
    """
    mix = None if source.mix is None else read_audio(folder / source.mix)
    if not source.whole:
        if mix is None:
            parts = [read_audio(folder / path) for paths in source.stems.values() for path in paths]
            mix = np.sum(_as_long(parts), axis=0)
        return {MIX: mix}, []
    remarks: list[str] = []
    files = [(track, path) for track, paths in source.stems.items() for path in paths]
    sounds = [read_audio(folder / path) for _, path in files]
    lengths = [sound.shape[1] / SAMPLE_RATE for sound in sounds]
    if max(lengths) - min(lengths) > _LONGER:
        remarks.append(f"its stems last {min(lengths):.1f} to {max(lengths):.1f} s; short ones are filled with silence")
    *sounds, mix = _as_long([*sounds, np.zeros((2, 1), np.float32) if mix is None else mix])
    tracks: dict[str, np.ndarray] = {}
    for (track, _), sound in zip(files, sounds, strict=True):
        tracks[track] = tracks[track] + sound if track in tracks else sound
    missing = [track for track in TRACKS if track not in tracks]
    if source.mix is not None:
        rest = mix - np.sum(list(tracks.values()), axis=0)
        left = active_level(rest) - active_level(mix) if rest.any() else -np.inf
        if missing and left > _LEFT_DB:
            if len(missing) > 1:
                raise AudioError(
                    f"{source.name}: its stems leave much of {source.mix.name} ({left:.0f} dB); "
                    f"give stems of {', '.join(missing)}"
                )
            tracks[missing[0]] = rest
            remarks.append(f"{missing[0]} is what the other stems leave of the mix")
            missing = []
        elif left > _MIXED_DB and not _alike(np.sum(list(tracks.values()), axis=0), mix):
            raise AudioError(f"{source.name}: its stems do not add up to {source.mix.name}; give stems of this song")
    if missing:
        remarks.append(f"no stem of {', '.join(missing)}: taken as silent")
    for track in missing:
        tracks[track] = np.zeros_like(mix)
    return {track: tracks[track] for track in TRACKS}, remarks


def leave_out_duplicates(checked: Sequence[Checked], whole: set[str]) -> None:
    """Give all but one of the sound songs that are the same recording a reason.

    That one is kept which has stems (its name in ``whole``), then the one of the widest band, then the longest.
    """

    def rank(song: Checked) -> tuple[bool, float, float, str]:
        return song.name not in whole, -song.figures.get("bandwidth_hz", 0.0) // 1000, -song.duration, song.name

    fit = sorted((song for song in checked if not song.reasons), key=rank)
    prints = [np.frombuffer(base64.b64decode(song.fingerprint), "<u4") for song in fit]
    for song, twin in zip(fit, find_duplicates(prints), strict=True):
        if twin is not None:
            song.reasons.append(f"is the same recording as {fit[twin[0]].name} ({twin[1]:.0%} of the fingerprint)")


def _lacks(source: Source) -> str | None:
    if source.whole:
        return None
    if ACCOMPANIMENT in source.stems:
        return "its accompaniment is one file: give drums, bass and other, or --separate"
    return (
        "is a mix, and songs are learned track by track: give its stems, or --separate (autoencoder and vocoder can "
        "learn from it: see recordings.jsonl)"
    )


def _as_long(sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """All filled up with silence to the longest."""
    longest = max(sound.shape[1] for sound in sounds)
    return [np.pad(sound, ((0, 0), (0, longest - sound.shape[1]))) for sound in sounds]


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two sounds correlate, as the sum of stems does with a mix that was mastered."""
    power = float(np.vdot(one, one)) * float(np.vdot(other, other))
    return power <= 0 or float(np.vdot(one, other)) / power**0.5 > 0.3
