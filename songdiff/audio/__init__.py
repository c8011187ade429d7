"""Audio files, loudness and peaks. Waveforms are ``(channels, samples)`` float32 arrays; no models."""

from .files import FORMATS, AudioError, check_writable, read_audio, replacing, write_audio
from .loudness import integrated_loudness, normalize, true_peak

__all__ = [
    "FORMATS",
    "AudioError",
    "check_writable",
    "integrated_loudness",
    "normalize",
    "read_audio",
    "replacing",
    "true_peak",
    "write_audio",
]
