"""Networks only: autoencoder, vocoder, style encoder, transformer."""

from .autoencoder import MelAutoencoder, Posterior, Spectra
from .codec import Codec, codec_of, load_autoencoder
from .recogniser import PhonemeRecogniser
from .style_encoder import Style, StyleEncoder, mix_log_mel
from .transformer import SongTransformer
from .vocoder import SpectralVocoder
from .waveform_autoencoder import WaveformAutoencoder

__all__ = [
    "Codec",
    "MelAutoencoder",
    "PhonemeRecogniser",
    "Posterior",
    "SongTransformer",
    "Spectra",
    "SpectralVocoder",
    "Style",
    "StyleEncoder",
    "WaveformAutoencoder",
    "codec_of",
    "load_autoencoder",
    "mix_log_mel",
]
