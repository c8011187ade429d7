"""Audio files read and written back without the change of a single sample: WAV and FLAC, any rate, depth and channels.

libsndfile reads 16 bits as ``n / 32768`` and writes them as ``x * 32767``: a file that goes through floating-point
numbers comes back changed. Here integer samples travel as ``n / 2^(bits - 1)`` both ways, so a waveform that was not
touched is written with the very integers it was read from. It knows nothing of models.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from .files import AudioError, check_writable, replacing

ENDINGS = (".wav", ".flac")
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_FLOATS = {"FLOAT": "float32", "DOUBLE": "float64"}
_BLOCK = 1 << 16


@dataclass(frozen=True)
class AudioFormat:
    """``sample_rate`` in Hz, ``channels``, and libsndfile's ``subtype``: ``"PCM_16"``, ``"PCM_24"``, ``"FLOAT"`` …"""

    sample_rate: int
    channels: int
    subtype: str = "PCM_16"

    @property
    def dtype(self) -> str:
        """The smallest floating-point type that holds every sample of the format exactly."""
        return "float64" if self.subtype in ("PCM_32", "DOUBLE") else "float32"


def read_lossless(path: str | Path) -> tuple[np.ndarray, AudioFormat]:
    """A file as ``(channels, samples)`` at its own rate, exactly, and its format.

    A lossy file (OGG, MP3) counts as the 32-bit floats it decodes to. Raises :class:`AudioError` for a missing,
    corrupt or empty file.
    """
    if not Path(path).is_file():
        raise AudioError(f"{path}: there is no such audio file")
    try:
        with soundfile.SoundFile(path) as file:
            subtype = file.subtype if file.subtype in (*_BITS, *_FLOATS) else "FLOAT"
            form = AudioFormat(file.samplerate, file.channels, subtype)
            if subtype in _BITS:
                whole = np.empty((file.frames, file.channels), form.dtype)
                for start in range(0, file.frames, _BLOCK):  # in blocks: the integers are as large again
                    piece = file.read(_BLOCK, dtype="int32", always_2d=True)
                    if len(piece) < min(_BLOCK, file.frames - start):
                        raise AudioError(f"{path}: is cut short (ends at sample {start + len(piece)}); copy it again")
                    whole[start : start + len(piece)] = piece * 2.0**-31
            else:
                whole = file.read(dtype=_FLOATS[subtype], always_2d=True)  # type: ignore[call-overload]
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: cannot be read as audio ({error}); convert it to WAV or FLAC") from None
    if not len(whole):
        raise AudioError(f"{path}: holds no samples")
    if not np.isfinite(whole).all():
        raise AudioError(f"{path}: holds samples that are not numbers (NaN or infinite); export it again")
    return np.ascontiguousarray(whole.T), form


def check_lossless(path: str | Path, form: AudioFormat) -> None:
    """Refuse early a file that could not hold ``form`` exactly."""
    check_writable(path, ENDINGS)
    if not soundfile.check_format(_kind(path), form.subtype):
        raise AudioError(
            f"{path}: {_kind(path)} cannot hold the source's samples ({form.subtype}) unchanged; end it in .wav"
        )


def write_lossless(
    path: str | Path, waveform: np.ndarray, form: AudioFormat, tags: dict[str, str] | None = None
) -> None:
    """Write ``(channels, samples)`` in ``form``; what :func:`read_lossless` gave is written as it was.

    Integers are rounded to the nearest and clipped. Raises :class:`AudioError` as :func:`check_lossless` does.
    """
    check_lossless(path, form)
    if waveform.ndim != 2 or waveform.shape[0] != form.channels or not waveform.shape[1]:
        raise AudioError(f"{path}: a waveform of ({form.channels}, samples) is needed, found {waveform.shape}")
    with replacing(path) as beside:
        try:
            with soundfile.SoundFile(
                beside, "w", form.sample_rate, form.channels, form.subtype, format=_kind(path)
            ) as file:
                for name, text in (tags or {}).items():
                    setattr(file, name, text)
                for start in range(0, waveform.shape[1], _BLOCK):
                    file.write(_samples(waveform[:, start : start + _BLOCK].T, form))
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{path}: cannot be written at {form.sample_rate} Hz ({error})") from None
        _forget_time(beside)


def as_written(waveform: np.ndarray, form: AudioFormat) -> np.ndarray:
    """``waveform`` as reading it back from a file of ``form`` would give it."""
    if form.subtype not in _BITS:
        return waveform.astype(_FLOATS[form.subtype])
    return (_samples(waveform, form) * 2.0**-31).astype(form.dtype)


def _samples(waveform: np.ndarray, form: AudioFormat) -> np.ndarray:
    """What libsndfile is handed: floats as they are, integers in the upper bits of 32."""
    if form.subtype not in _BITS:
        return waveform.astype(_FLOATS[form.subtype])
    full = 2.0 ** (_BITS[form.subtype] - 1)
    levels = np.clip(np.rint(waveform.astype(np.float64) * full), -full, full - 1)
    return (levels * (2.0**31 / full)).astype(np.int32)


def _forget_time(path: Path) -> None:
    """Zero the time of writing in the PEAK chunk that libsndfile gives a WAV of floats."""
    with path.open("r+b") as file:
        head = file.read(4096)
        at = head.find(b"PEAK") if head[:4] in (b"RIFF", b"RF64") else -1
        if 0 <= at < head.find(b"data"):
            file.seek(at + 12)  # after name, size and version
            file.write(bytes(4))


def _kind(path: str | Path) -> str:
    return {".wav": "WAV", ".flac": "FLAC"}.get(Path(path).suffix.lower(), "WAV")
