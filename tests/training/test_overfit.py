"""The overfit check: the tiny transformer learns one song until it sings it back. `pytest -m slow`.

Identity is measured against the song as the autoencoder itself gives it back, which is all that latents can say.
Last run 2026-11-22: log-mel distance over audible cells 0.286 nepers (the autoencoder alone 0.277), 545 of 605 pitch
frames right (555), 1 of 3 bars' chords (1); 29 minutes beside a corpus build that took more than half of two cores.
The autoencoder is the shipped one, which never saw the song: its own error is what an absolute figure starts from.
"""

from pathlib import Path

import pytest
import torch

import songdiff
from songdiff.corpus.build import build_corpus
from songdiff.corpus.shards import read_corpus, stems
from songdiff.evaluation.music import measure_music
from songdiff.models import SongTransformer
from songdiff.pipelines import SongPipeline
from songdiff.score import TRACKS
from songdiff.training import build_task, load_recipe, train

ROOT = Path(songdiff.__file__).parents[1]
TINY = ROOT / "checkpoints" / "tiny"


@pytest.mark.slow
def test_one_song_is_learned(tmp_path):
    corpus = tmp_path / "corpus"
    build_corpus(corpus, hours=8 / 3600, seed=3, durations=(12.0, 13.0), workers=1, progress=False)
    recipe = load_recipe(
        ROOT / "recipes" / "transformer" / "tiny.yaml",
        (
            f"output={tmp_path / 'transformer'}",
            f"data.corpus={corpus}",
            f"data.autoencoder={TINY / 'autoencoder'}",
            f"data.style_encoder={TINY / 'style_encoder'}",
            "data.songs=1",
            "batch_size=8",
            "steps=800",
            "optimizer.warmup_steps=50",
            "ema_decay=0.98",
            "compile=false",
        ),
    )
    pipeline = SongPipeline.from_pretrained(TINY)
    learned = train(build_task(recipe), recipe)
    pipeline.register_modules(transformer=SongTransformer.from_pretrained(learned, dtype=pipeline.transformer.dtype))
    song = next(read_corpus(corpus))
    output = pipeline(
        prompt=song.captions[0],
        score=song.score,
        num_inference_steps=24,
        guidance_scale=1.0,
        style_guidance_scale=1.0,
        generator=torch.Generator().manual_seed(5),
    )
    original, recoded = stems(song), {}
    distance, floor = [], []
    with torch.no_grad():
        for i, track in enumerate(TRACKS):
            waveform = torch.from_numpy(original[track])[None]
            true = pipeline.autoencoder.spectra(pipeline.autoencoder.patches(waveform)).log_mel
            coded = pipeline.autoencoder.decode(pipeline.autoencoder.encode(waveform))
            sung = pipeline.autoencoder.decode(output.latents[i][None].to(coded.log_mel.dtype)).log_mel
            audible = true > -9
            distance.append(float((sung - true)[audible].abs().mean()))
            floor.append(float((coded.log_mel - true)[audible].abs().mean()))
            waveform = pipeline.vocoder.decode(coded, torch.Generator().manual_seed(5))
            recoded[track] = waveform[0, :, : original[track].shape[1]].float().numpy()
    print("log-mel distance per track", distance, "of the autoencoder alone", floor)
    figures, ceiling = measure_music(song.score, output.stems), measure_music(song.score, recoded)
    print("song", figures, "autoencoder", ceiling)
    assert sum(distance) / 4 < 1.15 * sum(floor) / 4  # nepers over audible cells
    assert figures["melody_pitch"] > 0.93 * ceiling["melody_pitch"]
