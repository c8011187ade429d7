"""A phoneme recogniser: waveform → phonemes of the inventory, by connectionist temporal classification.

It hears what the evaluation asks about: which phonemes are sung, on a stem or through a mix. It knows no words and no
Score, so that a sung song can be held against what was asked for.
B batch, N samples, J spectral frames of 11.6 ms, T = ceil(J / 2) frames of 23.2 ms, D width, P phonemes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from ..lyrics.phonemes import INVENTORY
from .blocks import ConvNeXtBlock
from .spectra import mel_filterbank, stft

BLANK = 0  # the index of "?" (unknown), which nobody sings


class PhonemeRecogniser(ModelMixin, ConfigMixin):
    """Waveform (B, N) at ``sample_rate`` → log-probabilities (B, T, P) of the symbols of the inventory, blank first."""

    @register_to_config
    def __init__(
        self,
        inventory: list[str] | None = None,
        sample_rate: int = 44100,
        n_fft: int = 2048,
        hop_length: int = 512,
        num_mels: int = 80,
        f_min: float = 60.0,
        f_max: float = 11000.0,
        floor: float = 1e-4,
        hidden_size: int = 256,
        num_layers: int = 8,
        kernel_size: int = 15,
    ) -> None:
        super().__init__()
        self.inventory = list(INVENTORY if inventory is None else inventory)
        self.register_to_config(inventory=self.inventory)
        self.frame_seconds = 2 * hop_length / sample_rate
        self.register_buffer("filterbank", mel_filterbank(n_fft, num_mels, f_min, f_max, sample_rate), persistent=False)
        self.down = nn.Conv1d(num_mels, hidden_size, 6, stride=2, padding=2)
        self.blocks = nn.Sequential(
            *(ConvNeXtBlock(hidden_size, kernel_size=kernel_size) for _ in range(num_layers)),
            nn.LayerNorm(hidden_size),
        )
        self.out = nn.Linear(hidden_size, len(self.inventory))
        self.frames = nn.Linear(hidden_size, len(self.inventory))  # which phoneme lies where: it teaches, see the task

    def features(self, waveform: Tensor) -> Tensor:
        """(B, N) → (B, num_mels, J) log-mel, each band less its mean over time; J even."""
        c = self.config
        waveform = F.pad(waveform, (0, -waveform.shape[-1] % (2 * c.hop_length)))
        mel = self.filterbank.float() @ stft(waveform.float(), c.n_fft, c.hop_length).abs()
        log_mel = mel.clamp(min=c.floor).log()
        return log_mel - log_mel.mean(-1, keepdim=True)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, num_mels, J) → log-probabilities (B, T, P) and the logits (B, T, P) of the frame-wise head."""
        x = self.blocks(self.down(features.to(self.out.weight.dtype)).transpose(1, 2))
        return self.out(x).float().log_softmax(-1), self.frames(x).float()

    @torch.no_grad()
    def log_probabilities(self, waveform: Tensor) -> Tensor:
        """Waveform (B, N) → (B, T, P)."""
        return self(self.features(waveform))[0]

    def phonemes(self, log_probabilities: Tensor) -> list[tuple[str, float]]:
        """Best path of one song (T, P): phonemes and the seconds at which each is heard (Graves et al., ICML 2006)."""
        best = log_probabilities.argmax(-1)
        heard = [i for i in range(len(best)) if best[i] != BLANK and (i == 0 or best[i] != best[i - 1])]
        return [(self.inventory[int(best[i])], i * self.frame_seconds) for i in heard]


def recogniser_loss(
    log_probabilities: Tensor, frame_logits: Tensor, targets: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """CTC over the sequence, and cross entropy over the frames, whose phonemes the corpus knows.

    ``targets`` (B, S) phoneme indices, 0 where a row is shorter; ``labels`` (B, T) the phoneme sounding in each frame.
    """
    B, T, _ = log_probabilities.shape
    lengths = torch.full((B,), T, dtype=torch.long), (targets != BLANK).sum(1)
    ctc = F.ctc_loss(log_probabilities.transpose(0, 1), targets, *lengths, blank=BLANK, zero_infinity=True)
    return {"ctc": ctc, "frames": F.cross_entropy(frame_logits.flatten(0, 1), labels.flatten())}
