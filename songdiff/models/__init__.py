"""Networks only: autoencoder, vocoder, style encoder, transformer."""

from .autoencoder import MelAutoencoder, Posterior, Spectra
from .recogniser import PhonemeRecogniser
from .style_encoder import Style, StyleEncoder
from .transformer import SongTransformer
from .vocoder import SpectralVocoder

__all__ = [
    "MelAutoencoder",
    "PhonemeRecogniser",
    "Posterior",
    "SongTransformer",
    "Spectra",
    "SpectralVocoder",
    "Style",
    "StyleEncoder",
]
