"""Spectra → waveform: a network restores fine magnitudes and how the phase moves; its integral is polished.

ConvNeXt blocks at the rate of the spectral frames predict, for every bin, the logarithm of its magnitude and how its
phase advances over time and along frequency (instantaneous frequency and group delay). Integration gives a phase, a
few iterations of fast Griffin-Lim make it consistent, an inverse transform makes the waveform. All of it is local in
time, so a song is decoded in windows, with the same result. Instead, a network can give each bin's phase itself, with
nothing integrated or polished (an iSTFT head, Vocos, arXiv:2306.00814); such a vocoder is trained through its waveform
(:meth:`SpectralVocoder.synthesize`), where an adversary can hear it. Magnitudes of long windows let a stroke begin
before its time; a :class:`TransientShaper` takes that away. The stereo image comes from the mid signal itself: in each
width band the side is the mid times its width, a moment later, so that the mono sum is untouched.
B batch, M mel bands, W width bands, F bins, J spectral frames.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from .autoencoder import MONO, Spectra
from .blocks import ConvNeXtBlock, inference_dtype
from .phase import PhaseGradient, griffin_lim, integrate_phase, magnitude_gradient, true_gradient
from .spectra import istft, mel_filterbank, stft
from .streaming import windows

PhaseMethod = Literal["predicted", "direct", "gradient", "griffin-lim"]
WINDOW = 512  # spectral frames decoded at once: what the caches hold
FIRST = 88  # of the first window: a second, to be heard early
STEPS = 8  # gains a hop of a TransientShaper: 1.5 ms each
_QUIET, _AUDIBLE = 1e-5, 1e-3  # root mean squares: what counts as silence, and what can be heard
_GAINS = (-3.0, 1.0)  # nepers: −26 to +9 dB
_SURE = 0.3  # nepers: a shaper's smaller gains are guesses; larger ones lose as much, so that no gain jumps
_MISSING = 2.0  # by how much at most a band is made louder or softer, to be as loud as its spectra
DELAY = 128  # samples by which the side follows the mid: 3 ms, so that the two channels differ and neither cancels


class FineSpectra(NamedTuple):
    """Of the mid signal: natural ``log_magnitude`` (B, F, J) and, where they are predicted, the ``gradient`` of its
    phase or the ``phase`` itself (B, F, J) in radians; ``envelope`` (B, E, J) is what a :class:`TransientShaper` reads,
    of no channels where there is none."""

    log_magnitude: Tensor
    envelope: Tensor
    gradient: PhaseGradient | None = None
    phase: Tensor | None = None


class SpectralVocoder(ModelMixin, ConfigMixin):
    """:class:`Spectra` (B, M, J), (B, W, J) → waveform (B, 2, J · hop_length).

    ``phase``: "predicted", integrated from the gradient that the network predicts; "direct", from the network as it is;
    "gradient", from the slopes of the predicted magnitudes; "griffin-lim", from a random phase, which wants about 24
    iterations. Every vocoder can use the last two. ``griffin_lim_iterations`` are those of all methods but "direct",
    which has none. ``transients``: whether a :class:`TransientShaper` follows.
    """

    @register_to_config
    def __init__(
        self,
        sample_rate: int = 44100,
        n_fft: int = 2048,
        hop_length: int = 512,
        num_mels: int = 100,
        linear_bands: int = 36,
        num_width_bands: int = 20,
        f_min: float = 20.0,
        f_max: float = 20000.0,
        floor: float = 3e-5,
        hidden_size: int = 256,
        num_layers: int = 6,
        phase: PhaseMethod = "griffin-lim",
        griffin_lim_iterations: int = 24,
        transients: bool = False,
    ) -> None:
        super().__init__()
        if transients and phase == "direct":
            raise ValueError("transients: a direct phase says by itself when a stroke falls; leave the shaper out")
        filterbank = mel_filterbank(n_fft, num_mels, f_min, f_max, sample_rate, linear_bands)
        self.register_buffer("filterbank", filterbank, persistent=False)
        expand = (filterbank / filterbank.sum(0).clamp(min=1e-8)).T  # each bin: the mean of its bands
        self.register_buffer("expand", expand, persistent=False)
        self.register_buffer("outside", (expand.sum(1) == 0).float()[:, None], persistent=False)  # bins in no band
        bins = n_fft // 2 + 1
        self.embed = nn.Conv1d(num_mels, hidden_size, 7, padding=3)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(hidden_size) for _ in range(num_layers)))
        self.norm = nn.LayerNorm(hidden_size)
        self.out = nn.Linear(hidden_size, bins)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.gradient = nn.Linear(hidden_size, 2 * bins) if phase == "predicted" else None
        self.angle = nn.Linear(hidden_size, bins) if phase == "direct" else None
        self.quarter = nn.Embedding(4, hidden_size) if phase == "direct" else None
        self.shaper = TransientShaper(hidden_size, hop_length) if transients else None
        self.receptive_field = 3 * (num_layers + 1)  # spectral frames to either side
        self.look_ahead = self.receptive_field + 1 + _reach(0 if phase == "direct" else griffin_lim_iterations)

    def fine_spectra(self, log_mel: Tensor, first_frame: int = 0) -> FineSpectra:
        """(B, M, J), the frames of a signal from its ``first_frame`` on → :class:`FineSpectra`."""
        centre = math.log(self.config.floor) / 2
        x = self.embed((log_mel - centre) / -centre).transpose(1, 2)
        frame = torch.arange(first_frame, first_frame + log_mel.shape[-1], device=log_mel.device)
        if self.quarter is not None:
            x = x + self.quarter(frame % 4)
        x = self.norm(self.blocks(x))
        coarse = self.expand @ log_mel + self.outside * math.log(self.config.floor)
        log_magnitude = coarse + self.out(x).float().transpose(1, 2)
        envelope = log_mel[:, :0] if self.shaper is None else self.shaper.read(x).float().transpose(1, 2)
        if self.gradient is not None:
            advance, delay = self.gradient(x).float().transpose(1, 2).chunk(2, dim=1)
            return FineSpectra(log_magnitude, envelope, PhaseGradient(advance, delay))
        if self.angle is not None:
            # Counted from oscillators at the bins' centres: convolutions alone would begin a steady tone anew in every
            # frame. With a hop of a quarter window these repeat every four frames, and the network is told which it is.
            index = torch.arange(log_magnitude.shape[1], device=log_mel.device)[:, None]
            turned = (math.pi / 2) * (index * (frame % 4) % 4) - math.pi * (index % 2)
            return FineSpectra(log_magnitude, envelope, phase=turned + self.angle(x).float().transpose(1, 2))
        return FineSpectra(log_magnitude, envelope)

    def synthesize(self, spectra: Spectra) -> tuple[Tensor, FineSpectra]:
        """:class:`Spectra` → waveform (B, 2, J · hop_length) and the :class:`FineSpectra` it is made of, for training a
        vocoder with ``phase="direct"``: what :meth:`decode` gives, with gradients and all at once."""
        fine = self.fine_spectra(spectra.log_mel)
        if fine.phase is None:
            raise ValueError(f"only phase='direct' is trained through the waveform, this one has {self.config.phase!r}")
        with torch.autocast(spectra.log_mel.device.type, enabled=False):
            magnitude = self._magnitude(fine, spectra.log_mel)
            mid = istft(torch.polar(magnitude, fine.phase), self.config.n_fft, self.config.hop_length)
            return self._stereo(mid, spectra.log_width), fine

    @torch.no_grad()
    def unshaped(self, fine: FineSpectra, log_mel: Tensor) -> Tensor:
        """The mid signal (B, J · hop_length) of :meth:`decode`, before a shaper: what one is trained on."""
        c = self.config
        magnitude = self._magnitude(fine, log_mel)
        phase = integrate_phase(magnitude, fine.gradient or magnitude_gradient(fine.log_magnitude))
        return griffin_lim(magnitude, phase, c.n_fft, c.hop_length, c.griffin_lim_iterations)

    def decode(
        self,
        spectra: Spectra,
        generator: torch.Generator | None = None,
        phase: PhaseMethod | None = None,
        iterations: int | None = None,
    ) -> Tensor:
        """:class:`Spectra` → waveform (B, 2, J · hop_length).

        ``phase`` and ``iterations`` default to the config's; ``generator`` draws what "griffin-lim" starts from.
        """
        return torch.cat(list(self.stream([spectra], generator, phase, iterations)), dim=-1)

    forward = decode

    @torch.no_grad()
    def stream(
        self,
        pieces: Iterable[Spectra],
        generator: torch.Generator | None = None,
        phase: PhaseMethod | None = None,
        iterations: int | None = None,
    ) -> Iterator[Tensor]:
        """Consecutive :class:`Spectra` of any lengths → the pieces (B, 2, samples) of what :meth:`decode` gives for all
        of them, as soon as what follows each is known far enough."""
        c = self.config
        phase = phase or c.phase
        if iterations is None:
            iterations = 0 if phase == "direct" else c.griffin_lim_iterations
        if phase in ("predicted", "direct") and phase != c.phase:
            raise ValueError(f"this vocoder was not trained to predict phase for {phase!r}; choose phase='gradient'")
        margin = _reach(iterations)
        generator = torch.Generator().manual_seed(0) if generator is None else generator
        phased = windows(self._phased(pieces, phase, FIRST + margin, generator), WINDOW, margin, FIRST)
        for (magnitude, start_phase, envelope, log_width), start, stop in phased:
            mid = self._shaped(griffin_lim(magnitude, start_phase, c.n_fft, c.hop_length, iterations), envelope)
            yield self._stereo(mid, log_width)[..., start * c.hop_length : stop * c.hop_length]

    def _phased(
        self, pieces: Iterable[Spectra], method: PhaseMethod, first: int, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Magnitude (B, F, J), a first phase for it, envelope (B, E, J) and log width (B, W, J), window by window."""
        last: Tensor | None = None
        done = 0
        for (log_mel, log_width), start, stop in windows(pieces, WINDOW, self.receptive_field + 1, first):
            dtype = inference_dtype(log_mel.device)
            with torch.autocast(log_mel.device.type, dtype, enabled=dtype != torch.float32):
                fine = self.fine_spectra(log_mel, done - start)
            magnitude, done = self._magnitude(fine, log_mel), done + stop - start
            if method == "griffin-lim":
                shape = (*magnitude.shape[:2], stop - start)
                found = 2 * math.pi * torch.rand(shape, generator=generator).to(magnitude.device)
            elif method == "direct":
                assert fine.phase is not None
                found = fine.phase[..., start:stop]
            else:
                gradient = fine.gradient if method == "predicted" else magnitude_gradient(fine.log_magnitude)
                assert gradient is not None
                own = PhaseGradient(*(x[..., start:stop] for x in gradient))
                found = integrate_phase(magnitude[..., start:stop], own, last)
                last = found[..., -1]
            yield magnitude[..., start:stop], found, fine.envelope[..., start:stop], log_width[..., start:stop]

    def _magnitude(self, fine: FineSpectra, log_mel: Tensor) -> Tensor:
        """(B, F, J); what lies at the floor is silence, and nothing is louder than a waveform within ±1 can be. Each
        band is made as loud as the spectra say: fine logarithms are those of the usual bin, and noise has louder ones.
        """
        floor, mel = self.config.floor, log_mel.exp()
        gate = ((mel / floor - 1.5) / 1.5).clamp(0, 1)
        magnitude = fine.log_magnitude.clamp(max=1).exp() * (self.expand @ gate)
        missing = (mel * gate + floor) / (self.filterbank @ magnitude + floor)
        return magnitude * (self.expand @ missing.clamp(1 / _MISSING, _MISSING) + self.outside)

    def _shaped(self, mid: Tensor, envelope: Tensor) -> Tensor:
        return mid if self.shaper is None else self.shaper(mid, envelope)

    def _stereo(self, mid: Tensor, log_width: Tensor) -> Tensor:
        """(B, samples) and (B, W, J) → (B, 2, samples)."""
        c = self.config
        side = istft(stft(mid, c.n_fft, c.hop_length) * self._side_ratio(log_width), c.n_fft, c.hop_length)
        return torch.stack([mid + side, mid - side], dim=1)

    def _side_ratio(self, log_width: Tensor) -> Tensor:
        """(B, W, J) → complex ratio of side to mid per bin (B, F, J): the width of its band, :data:`DELAY` later."""
        per_band = (log_width.exp() - math.exp(MONO)).clamp(min=0)
        per_mel = per_band.repeat_interleave(self.config.num_mels // self.config.num_width_bands, dim=1)
        turn = torch.arange(self.expand.shape[0], device=log_width.device) * (-2 * math.pi * DELAY / self.config.n_fft)
        return (self.expand @ per_mel) * torch.polar(torch.ones_like(turn), turn)[:, None]


class TransientShaper(nn.Module):
    """Turns the waveform down where it sounds before its time, and up where an attack was smeared.

    A short-time magnitude does not say when in its window a stroke fell, and phase reconstruction spreads it over the
    window. The network hears the spectra and the waveform's own levels, :data:`STEPS` a hop, and says by how much each
    is wrong; where that cannot be told, as in noise, it learns to leave the level alone. (Temporal noise shaping in
    audio coders serves the same end, from side information: Herre and Johnston, AES 101, 1996.)
    """

    def __init__(self, hidden_size: int, hop_length: int) -> None:
        super().__init__()
        self.block = hop_length // STEPS
        self.read = nn.Linear(hidden_size, 32)
        self.hear = nn.Sequential(
            nn.Conv1d(32 + STEPS, 96, 5, padding=2), nn.GELU(), nn.Conv1d(96, 96, 3, padding=1), nn.GELU()
        )
        self.out = nn.Conv1d(96, STEPS, 1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def levels(self, waveform: Tensor) -> Tensor:
        """(B, samples) → (B, STEPS, J), logarithms of the root mean square."""
        power = waveform.unflatten(-1, (-1, STEPS, self.block)).square().mean(-1)
        return 0.5 * (power + _QUIET**2).log().transpose(1, 2)

    def gains(self, waveform: Tensor, envelope: Tensor) -> Tensor:
        """(B, samples) and (B, E, J) → natural logarithms of the gains, (B, STEPS, J)."""
        heard = self.levels(waveform) / -math.log(_QUIET) + 0.5
        return self.out(self.hear(torch.cat([envelope, heard], dim=1)))

    def forward(self, waveform: Tensor, envelope: Tensor) -> Tensor:
        """(B, J · hop_length) and (B, E, J) → (B, J · hop_length)."""
        gains = F.softshrink(self.gains(waveform, envelope).float(), _SURE).transpose(1, 2).flatten(1)
        samples = F.interpolate(gains[:, None], waveform.shape[-1], mode="linear")[:, 0]
        return waveform * samples.clamp(*_GAINS).exp()

    def loss(self, waveform: Tensor, envelope: Tensor, truth: Tensor) -> Tensor:
        """Mean |difference| of the gains that ``waveform`` (B, samples) needs to be as loud as ``truth`` from those
        predicted, in nepers, over the blocks that are audible in either."""
        heard, wanted = self.levels(waveform), self.levels(truth)
        audible = torch.maximum(heard, wanted) > math.log(_AUDIBLE)
        error = (self.gains(waveform, envelope).float() - (wanted - heard).clamp(*_GAINS)).abs() * audible
        return error.sum() / audible.sum().clamp(min=1)


def _reach(iterations: int) -> int:
    """Frames to either side that a sample depends on: a transform reaches over three, those of the side come last, and
    a shaper, which reaches over four, between them."""
    return 3 * (iterations + 3) + 4


def spectral_loss(fine: FineSpectra, spectrum: Tensor, floor: float) -> dict[str, Tensor]:
    """L1 between logarithms of fine magnitudes, over the bins where either is audible, both floored alike; and, where
    phase is predicted, 1 − cos of the error of each of its gradients, weighted by magnitude within its frame.

    ``spectrum`` (B, F, J) is that of the true mid signal. A phase is compared by its gradient alone, as nobody hears
    where it begins.
    """
    log_floor, magnitude = math.log(floor), spectrum.abs()
    target = magnitude.clamp(min=floor).log()
    predicted = log_floor + F.softplus(fine.log_magnitude.float() - log_floor, beta=4)
    audible = (target > log_floor) | (predicted.detach() > log_floor + 0.5)
    losses = {"log_l1": ((predicted - target).abs() * audible).sum() / audible.sum().clamp(min=1)}
    gradient = fine.gradient
    if fine.phase is not None:
        gradient = true_gradient(torch.polar(torch.ones_like(fine.phase), fine.phase))
    if gradient is not None:
        weight = magnitude.sqrt()
        weight = weight * (magnitude.amax(1, keepdim=True) > 1e-3)
        weight = weight / weight.sum().clamp(min=1e-6)
        for name, guess, truth in zip(("advance", "delay"), gradient, true_gradient(spectrum), strict=True):
            losses[name] = (weight * (1 - (guess - truth).cos())).sum()
    return losses
