"""What the style probe learns from: stretches of mixes, and what their Scores say of genre, mood, singer and band."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from ..composer import GENRES
from ..corpus.shards import CorpusSong, stems
from ..data import corpus_songs
from ..errors import InputError
from ..models.style_probe import CHROMA, GENDERS, StyleProbe, level
from ..score import Score
from .loop import Task
from .recipe import Recipe, new_part
from .recogniser import LATENT_SAMPLES, disturbed

SILENT = math.log(1e-3)  # of the loudest mel band of a crop of vocals in which nobody sings
RAREST = 0.01  # share of songs that an instrument must play in to be learned


class Heard(NamedTuple):
    """A song's Score, and the spectra (M, J), float16, of its mix and of its vocals."""

    score: Score
    mix: Tensor
    vocals: Tensor


class StyleProbeTask(Task):
    """Crops of mixes → genre, gender, instruments and mood; crops of the vocals of the same songs → gender.

    Disturbances: those of the recogniser on the mel bands; the pitch classes are turned, as another key would.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        songs = _labelled(corpus_songs(recipe.data.corpus, "train", recipe.data.songs))
        held_out = _labelled(corpus_songs(recipe.data.corpus, "test", 32)) or songs[:32]
        if not songs:
            raise InputError("data.corpus: no song's genre and instruments are known; take a corpus that was composed")
        counts: dict[str, int] = {}
        for song in songs:
            for name in instruments_of(song.score):
                counts[name] = counts.get(name, 0) + 1
        common = sorted(name for name, count in counts.items() if count >= RAREST * len(songs))
        self.network = new_part(StyleProbe, recipe, genres=sorted(GENRES), instruments=common)
        self.songs, self.held_out = self._listen(songs), self._listen(held_out)

    def batch(self, rng: np.random.Generator) -> dict[str, Tensor]:
        batch = self._draw(self.songs, rng)
        mel, classes = batch["features"][:, :-CHROMA], batch["features"][:, -CHROMA:]
        turned = torch.stack([x.roll(int(rng.integers(CHROMA)), 0) for x in classes])
        batch["features"] = torch.cat([disturbed(mel, rng), turned], dim=1)
        return batch

    def validation_batch(self) -> dict[str, Tensor]:
        return self._draw(self.held_out, np.random.default_rng(1))

    def _listen(self, songs: list[CorpusSong]) -> list[Heard]:
        """Spectra of whole songs, once and for all: reading the songs anew at every step would take longer."""

        @torch.no_grad()
        def listen(song: CorpusSong) -> Heard:
            tracks = stems(song)
            both = np.stack([np.sum(list(tracks.values()), axis=0).mean(0), tracks["vocals"].mean(0)])
            return Heard(song.score, *self.network.spectra(torch.from_numpy(both)).half())

        with ThreadPoolExecutor(2) as pool:
            return list(tqdm(pool.map(listen, songs), total=len(songs), desc="listen", mininterval=2.0))

    def _draw(self, songs: list[Heard], rng: np.random.Generator) -> dict[str, Tensor]:
        """``features`` (2·B, M, J): B crops of mixes, then B of the vocals of the same songs."""
        chosen = [songs[i] for i in rng.integers(len(songs), size=self.recipe.batch_size)]
        mixes, vocals = (
            [self._crop(song.mix, rng) for song in chosen],
            [self._crop(song.vocals, rng) for song in chosen],
        )
        labels = self._labels([song.score for song in chosen])
        silent = torch.stack([crop[:-CHROMA].amax() for crop in vocals]) < SILENT
        labels["vocals_gender"] = labels["gender"].masked_fill(silent, 0)
        return {"features": level(torch.stack(mixes + vocals)), **labels}

    def _crop(self, spectra: Tensor, rng: np.random.Generator) -> Tensor:
        frames = self.recipe.crop_frames * LATENT_SAMPLES // self.network.config.hop_length
        start = int(rng.integers(max(1, spectra.shape[1] - frames)))
        crop = spectra[:, start : start + frames].float()
        missing = frames - crop.shape[1]
        mel = F.pad(crop[:-CHROMA], (0, missing), value=math.log(self.network.config.floor))
        return torch.cat([mel, F.pad(crop[-CHROMA:], (0, missing))])

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
        heard, B = self.network(batch["features"]), len(batch["genre"])
        return {
            "genre": F.cross_entropy(heard.genre[:B], batch["genre"]),
            "gender": F.cross_entropy(heard.gender, torch.cat([batch["gender"], batch["vocals_gender"]])),
            "instruments": F.binary_cross_entropy_with_logits(heard.instruments[:B], batch["instruments"]),
            "mood": (heard.mood[:B] - batch["mood"]).square().mean(),
        }


def _labelled(songs: list[CorpusSong]) -> list[CorpusSong]:
    """Those whose Score says what there is to learn; of prepared recordings it says nothing of the band."""
    return [song for song in songs if song.score.genre is not None and song.score.parts is not None]


def instruments_of(score: Score) -> set[str]:
    """The instruments that play in a song."""
    return {part.instrument for part in score.parts or [] if part.notes}
