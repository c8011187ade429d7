"""What the phoneme recogniser learns from: sung lines alone and through the mix, disturbed in many ways."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..corpus.shards import CorpusSong, read_stem
from ..data import corpus_songs
from ..lyrics.phonemes import SILENCE
from ..models.recogniser import BLANK, PhonemeRecogniser, recogniser_loss
from .loop import Task
from .recipe import Recipe, new_part

LATENT_SAMPLES = 2048  # what ``crop_frames`` of the recipe counts, as in every other recipe


class RecogniserTask(Task):
    """Crops of songs → their phonemes. Half of the crops are vocals alone, half a mix at a random level.

    Disturbances: gain, noise, a random equaliser (a slope and a wave over the bands), spectral blur, and masked bands
    and times (SpecAugment, arXiv:1904.08779).
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.songs = self._sung(corpus_songs(recipe.data.corpus, "train", recipe.data.songs))
        self.held_out = self._sung(corpus_songs(recipe.data.corpus, "test", 32)) or self.songs
        self.network = new_part(PhonemeRecogniser, recipe)
        self._index = {symbol: i for i, symbol in enumerate(self.network.inventory)}

    @staticmethod
    def _sung(songs: list[CorpusSong]) -> list[CorpusSong]:
        return [song for song in songs if song.score.phonemes]

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        batch = self._draw(self.songs, rng)
        batch["features"] = disturbed(batch["features"], rng)
        return batch

    def validation_batch(self) -> dict[str, Tensor]:
        return self._draw(self.held_out, np.random.default_rng(1))

    def _draw(self, songs: list[CorpusSong], rng: np.random.Generator) -> dict[str, Tensor]:
        samples = self.recipe.crop_frames * LATENT_SAMPLES
        waveforms, sequences, labels = [], [], []
        for song in (songs[i] for i in rng.integers(len(songs), size=self.recipe.batch_size)):
            line = song.score.lines[rng.integers(len(song.score.lines))] if song.score.lines else None
            middle = (line.start + line.end) / 2 if line else song.score.duration / 2
            jitter = rng.uniform(-0.25, 0.25) * samples
            start = int(
                np.clip(middle * 44100 - samples / 2 + jitter, 0, max(0, song.score.duration * 44100 - samples))
            )
            waveforms.append(self._sound(song, start, samples, rng))
            sequence, label = self._targets(song, start / 44100, samples)
            sequences.append(torch.tensor(sequence, dtype=torch.long))
            labels.append(label)
        with torch.no_grad():
            features = self.network.features(torch.from_numpy(np.stack(waveforms)))
        targets = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=BLANK)
        return {"features": features, "targets": targets, "labels": torch.stack(labels)}

    def _sound(self, song: CorpusSong, start: int, samples: int, rng: np.random.Generator) -> np.ndarray:
        mono = read_stem(song, "vocals", start, samples).mean(0)
        if rng.random() < 0.5:
            band = sum(read_stem(song, track, start, samples).mean(0) for track in ("drums", "bass", "other"))
            mono = mono + band * 10 ** (rng.uniform(-18, 0) / 20)
        noise = rng.standard_normal(samples, np.float32) * 10 ** (rng.uniform(-90, -45) / 20)
        return np.asarray((mono + noise) * 10 ** (rng.uniform(-15, 6) / 20), dtype=np.float32)

    def _targets(self, song: CorpusSong, start: float, samples: int) -> tuple[list[int], Tensor]:
        """Phonemes that lie in the crop by half of their length or more, and the phoneme of every frame."""
        frame, end = self.network.frame_seconds, start + samples / 44100
        labels = torch.full((samples // LATENT_SAMPLES * 2,), self._index[SILENCE])
        sequence = []
        for phoneme in song.score.phonemes or []:
            if start <= (phoneme.start + phoneme.end) / 2 < end:
                sequence.append(self._index[phoneme.symbol])
            first, last = round((phoneme.start - start) / frame), round((phoneme.end - start) / frame)
            labels[max(first, 0) : max(last, 0)] = self._index[phoneme.symbol]
        return sequence, labels

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        log_probabilities, frame_logits = self.network(batch["features"])
        return recogniser_loss(log_probabilities, frame_logits, batch["targets"], batch["labels"])


def disturbed(features: Tensor, rng: np.random.Generator) -> Tensor:
    """Log-mel (B, M, J) with another equaliser, blur, and masked bands and times for every item."""
    features = features.clone()
    _, M, J = features.shape
    band = torch.linspace(-1, 1, M)
    for x in features:
        wave = torch.sin(np.pi * (rng.uniform(1, 4) * band + rng.uniform(0, 2)))
        x += (rng.normal(0, 0.7) * band + rng.normal(0, 0.3) * wave)[:, None]
        if rng.random() < 0.3:
            x.copy_(torch.nn.functional.avg_pool2d(x[None, None], 3, 1, 1, count_include_pad=False)[0, 0])
        for _ in range(2):
            low, width = rng.integers(M - 8), rng.integers(1, 9)
            x[low : low + width] = 0
            first, length = rng.integers(max(1, J - 20)), rng.integers(1, 13)
            x[:, first : first + length] = 0
    return features
