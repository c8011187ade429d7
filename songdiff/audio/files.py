"""Audio files in and out: WAV, FLAC, OGG and MP3 through libsndfile.

A file appears whole or not at all, and the same waveform and tags give the same bytes. It knows nothing of models.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from ..errors import InputError

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
_ID3_FRAMES = {
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "comment": "COMM",
    "copyright": "TCOP",
    "date": "TDRC",
    "genre": "TCON",
    "software": "TSSE",
    "tracknumber": "TRCK",
}
TAGS = tuple(_ID3_FRAMES)
_BLOCK = 1 << 16  # frames; libsndfile's Vorbis encoder overflows its stack on one long write
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class AudioError(InputError):
    """An audio file that cannot be read or written; the message is one line naming the file and the remedy."""


def read_audio(path: str | Path, sample_rate: int = 44100, channels: int = 2) -> np.ndarray:
    """Read a file as float32 ``(channels, samples)`` at ``sample_rate`` Hz.

    Mono is copied to every channel, several channels are averaged to mono or cut to the first ``channels``.
    Raises :class:`AudioError` for a missing, corrupt or empty file.
    """
    if not Path(path).is_file():
        raise AudioError(f"{path}: there is no such audio file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: cannot be read as audio ({error}); convert it to WAV, FLAC, OGG or MP3") from None
    waveform = np.ascontiguousarray(samples.T)
    if waveform.shape[1] == 0:
        raise AudioError(f"{path}: holds no samples")
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path}: holds samples that are not numbers (NaN or infinite); export it again")
    if waveform.shape[0] == 1:
        waveform = np.repeat(waveform, channels, axis=0)
    elif channels == 1:
        waveform = waveform.mean(axis=0, keepdims=True)
    elif waveform.shape[0] < channels:
        raise AudioError(f"{path}: has {waveform.shape[0]} channels, {channels} are needed")
    return resample(waveform[:channels], rate, sample_rate)


def resample(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """``(channels, samples)`` at ``rate`` Hz → the same length in seconds at ``new_rate`` Hz."""
    if rate == new_rate:
        return waveform
    common = math.gcd(rate, new_rate)
    return resample_poly(waveform, new_rate // common, rate // common, axis=-1).astype(np.float32)


def write_audio(path: str | Path, waveform: np.ndarray, sample_rate: int, tags: dict[str, str] | None = None) -> None:
    """Write ``(channels, samples)`` in the format of the path's ending: 16-bit WAV or FLAC, Vorbis OGG, MP3.

    ``tags`` maps names of :data:`TAGS` to text. Samples beyond ±1 are clipped. Raises :class:`AudioError` for an
    unknown ending or tag, a place that cannot be written, and a waveform that is empty or not finite.
    """
    check_writable(path)
    waveform = np.asarray(waveform, dtype=np.float32)
    if waveform.ndim != 2 or 0 in waveform.shape or waveform.shape[0] > 8:
        raise AudioError(f"{path}: a waveform of shape (channels, samples) is needed, found {waveform.shape}")
    if not np.isfinite(waveform).all():
        raise AudioError(f"{path}: the waveform holds samples that are not numbers; nothing was written")
    if unknown := set(tags or {}) - set(TAGS):
        raise AudioError(f"{path}: unknown tags {', '.join(sorted(unknown))}; there are {', '.join(TAGS)}")
    kind, subtype = FORMATS[Path(path).suffix.lower()]
    with replacing(path) as beside:
        try:
            with soundfile.SoundFile(beside, "w", sample_rate, waveform.shape[0], subtype, format=kind) as file:
                for name, text in (tags or {}).items() if kind != "MP3" else ():
                    setattr(file, name, text)
                for start in range(0, waveform.shape[1], _BLOCK):
                    file.write(waveform[:, start : start + _BLOCK].T)
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{path}: cannot be written at {sample_rate} Hz ({error})") from None
        if kind == "OGG":
            beside.write_bytes(_fixed_serial(beside.read_bytes()))
        if kind == "MP3" and tags:
            beside.write_bytes(_id3(tags) + beside.read_bytes())


def check_writable(path: str | Path, endings: Collection[str] = tuple(FORMATS)) -> None:
    """Refuse early a file that could not be written: an ending other than ``endings``, a missing or closed folder."""
    path = Path(path)
    if path.suffix.lower() not in endings:
        raise AudioError(f"{path}: ending {path.suffix or '(none)'} is not supported; use {', '.join(endings)}")
    if not path.parent.is_dir():
        raise AudioError(f"{path}: the folder {path.parent} does not exist; make it first")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise AudioError(f"{path}: cannot be written; choose another place")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A path beside ``path`` to write to: renamed to ``path`` at the end, removed on any error."""
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _id3(tags: dict[str, str]) -> bytes:
    """An ID3v2.4 tag in UTF-8, which libsndfile does not write."""
    frames = b""
    for name, text in tags.items():
        body = b"\3" + (b"eng\0" if name == "comment" else b"") + text.encode()
        frames += _ID3_FRAMES[name].encode() + _synchsafe(len(body)) + b"\0\0" + body
    return b"ID3\4\0\0" + _synchsafe(len(frames)) + frames


def _synchsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _fixed_serial(ogg: bytes) -> bytes:
    """The same Ogg stream with serial number 1 in place of libsndfile's random one (RFC 3533, section 6)."""
    pages, start = [], 0
    while start < len(ogg):
        segments = ogg[start + 26]
        end = start + 27 + segments + sum(ogg[start + 27 : start + 27 + segments])
        page = bytearray(ogg[start:end])
        page[14:18] = (1).to_bytes(4, "little")
        page[22:26] = bytes(4)
        page[22:26] = _ogg_crc(page).to_bytes(4, "little")
        pages.append(bytes(page))
        start = end
    return b"".join(pages)


def _ogg_crc(page: bytes | bytearray) -> int:
    """Ogg's CRC-32: that of zlib with the bits the other way round and no inversion."""
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
