"""Recordings that a user names: files, folders or JSONL manifests, read in excerpts at 44.1 kHz stereo."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from scipy.fft import next_fast_len
from scipy.signal import resample

from ..audio.files import FORMATS, AudioError
from ..errors import InputError

SAMPLE_RATE = 44100
_EDGE = 64
"""Samples read beyond an excerpt on both sides, so that resampling leaves no trace at its ends."""
_PREROLL = 9216
"""Frames decoded ahead of an excerpt of an MP3, whose frames draw on bits of those before them: else silence begins
a quiet excerpt."""


@dataclass(frozen=True)
class Recording:
    """An audio file on disk; ``frames`` at its own ``sample_rate``."""

    path: Path
    frames: int
    sample_rate: int

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.sample_rate


def find_recordings(paths: Sequence[Path]) -> list[Recording]:
    """The readable recordings among files, folders (searched through for WAV, FLAC, OGG and MP3) and manifests.

    A manifest is a ``.jsonl`` with an object a line, ``{"audio": path}``, relative to the manifest's folder; other keys
    are left alone. Files that cannot be read to their end are named on standard error and left out. Raises
    :class:`~songdiff.errors.InputError` for a path or a line that is wrong, and where nothing is left.
    """
    found = []
    for path in dict.fromkeys(file for given in paths for file in _audio_files(Path(given))):
        try:
            with soundfile.SoundFile(path) as file:
                recording = Recording(path, file.frames, file.samplerate)
            if not recording.frames:
                raise AudioError(f"{path}: holds no samples")
            read_excerpt(recording, max(0, recording.frames - _EDGE), _EDGE)
        except (AudioError, soundfile.LibsndfileError, OSError) as error:
            reason = " ".join(str(error).split()).removeprefix(f"{path}: ")
            print(f"songdiff: warning: {path}: left out ({reason})", file=sys.stderr)
            continue
        found.append(recording)
    if paths and not found:
        named = ", ".join(map(str, paths))
        raise InputError(f"{named}: no readable recordings there; name WAV, FLAC, OGG or MP3 files or their folders")
    return found


def read_excerpt(recording: Recording, start: int, frames: int) -> np.ndarray:
    """(2, ``frames``) float32 at 44.1 kHz from sample ``start`` of the file (at its own rate); silence beyond its end.

    Mono is copied to both channels, of several channels the first two are taken. Only this part of the file is read.
    Raises :class:`~songdiff.audio.files.AudioError`.
    """
    ratio = recording.sample_rate / SAMPLE_RATE
    edge = 0 if ratio == 1 else _EDGE
    first = max(0, start - round(edge * ratio))
    common = math.gcd(recording.sample_rate, SAMPLE_RATE)  # whole blocks at both rates: exact, and quick to transform
    blocks = next_fast_len(-(-(frames + 2 * edge) * common // SAMPLE_RATE))
    wanted = blocks * recording.sample_rate // common if edge else frames
    try:
        with soundfile.SoundFile(recording.path) as file:
            ahead = min(first, _PREROLL) if file.format == "MP3" else 0
            file.seek(first - ahead)  # one read from there: soundfile seeks anew after each
            audio = file.read(ahead + wanted, dtype="float32", always_2d=True, fill_value=0.0)[ahead:].T
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{recording.path}: cannot be read as audio ({error})") from None
    if not np.isfinite(audio).all():
        raise AudioError(f"{recording.path}: holds samples that are not numbers (NaN or infinite)")
    audio = audio[[0, 0]] if len(audio) == 1 else audio[:2]
    if edge:
        offset = round((start - first) / ratio)
        audio = resample(audio, blocks * SAMPLE_RATE // common, axis=-1)[:, offset : offset + frames]
    return np.ascontiguousarray(audio, dtype=np.float32)


def random_excerpt(recordings: Sequence[Recording], rng: np.random.Generator, frames: int) -> np.ndarray:
    """(2, ``frames``) at 44.1 kHz; every second of the recordings is equally likely.

    A file that has become unreadable is named on standard error and another one is drawn; raises
    :class:`~songdiff.errors.InputError` after 20 of them.
    """
    ends = np.cumsum([recording.duration for recording in recordings])
    for _ in range(20):
        recording = recordings[min(np.searchsorted(ends, rng.random() * ends[-1]), len(recordings) - 1)]
        start = int(rng.random() * max(1.0, recording.frames - frames * recording.sample_rate / SAMPLE_RATE))
        try:
            return read_excerpt(recording, start, frames)
        except AudioError as error:
            print(f"songdiff: warning: {error}; another recording is drawn", file=sys.stderr)
    raise InputError(f"{recording.path}: this and 19 other recordings in a row can no longer be read; restore them")


def _audio_files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(file for file in path.rglob("*") if file.suffix.lower() in FORMATS and file.is_file())
    elif not path.is_file():
        raise InputError(f"{path}: there is no such recording, folder or manifest")
    elif path.suffix.lower() == ".jsonl":
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                yield path.parent / json.loads(line)["audio"]
            except (ValueError, KeyError, TypeError):
                raise InputError(
                    f'{path}: line {number}: expected an object such as {{"audio": "song.flac"}}'
                ) from None
    else:
        yield path
