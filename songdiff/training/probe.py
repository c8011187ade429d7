"""What the style probe learns from: stretches of mixes, and what their Scores say of genre, mood, singer and band."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..composer import GENRES
from ..corpus.shards import CorpusSong, read_stem
from ..data import corpus_songs
from ..models.style_probe import GENDERS, StyleProbe
from ..score import TRACKS, Score
from .loop import Task
from .recipe import Recipe
from .recogniser import LATENT_SAMPLES, disturbed

RAREST = 0.01  # share of songs that an instrument must play in to be learned


class StyleProbeTask(Task):
    """Crops of mixes → genre, gender, instruments and mood."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.songs = corpus_songs(recipe.data.corpus, "train", recipe.data.songs)
        self.held_out = corpus_songs(recipe.data.corpus, "test", 32) or self.songs
        counts: dict[str, int] = {}
        for song in self.songs:
            for name in instruments_of(song.score):
                counts[name] = counts.get(name, 0) + 1
        common = sorted(name for name, count in counts.items() if count >= RAREST * len(self.songs))
        self.network = StyleProbe(genres=sorted(GENRES), instruments=common, **recipe.model)

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        batch = self._draw(self.songs, rng)
        batch["features"] = disturbed(batch["features"], rng)
        return batch

    def validation_batch(self) -> dict[str, Tensor]:
        return self._draw(self.held_out, np.random.default_rng(1))

    def _draw(self, songs: list[CorpusSong], rng: np.random.Generator) -> dict[str, Tensor]:
        samples = self.recipe.crop_frames * LATENT_SAMPLES
        chosen = [songs[i] for i in rng.integers(len(songs), size=self.recipe.batch_size)]
        waveforms = []
        for song in chosen:
            start = int(rng.integers(max(1, round(song.score.duration * 44100) - samples)))
            mix = np.sum([read_stem(song, track, start, samples) for track in TRACKS], axis=0).mean(0)
            waveforms.append(np.asarray(mix, np.float32))
        with torch.no_grad():
            features = self.network.features(torch.from_numpy(np.stack(waveforms)))
        return {"features": features, **self._labels([song.score for song in chosen])}

    def _labels(self, scores: list[Score]) -> dict[str, Tensor]:
        config = self.network.config
        genders = [(s.singer.gender if s.melody and s.singer else None) or GENDERS[0] for s in scores]
        played = [instruments_of(score) for score in scores]
        return {
            "genre": torch.tensor([config.genres.index(score.genre) for score in scores]),
            "gender": torch.tensor([GENDERS.index(gender) for gender in genders]),
            "instruments": torch.tensor([[float(name in names) for name in config.instruments] for names in played]),
            "mood": torch.tensor([score.mood or (0.0, 0.0) for score in scores]),
        }

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        heard = self.network(batch["features"])
        return {
            "genre": F.cross_entropy(heard.genre, batch["genre"]),
            "gender": F.cross_entropy(heard.gender, batch["gender"]),
            "instruments": F.binary_cross_entropy_with_logits(heard.instruments, batch["instruments"]),
            "mood": (heard.mood - batch["mood"]).square().mean(),
        }


def instruments_of(score: Score) -> set[str]:
    """The instruments that play in a song."""
    return {part.instrument for part in score.parts or [] if part.notes}
