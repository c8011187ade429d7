"""What a prompt, a recording and a clip of a voice change of a song, and what they leave: on the embedded model.

`pytest -m slow -s tests/pipelines/test_steering.py` prints the figures of the model card; six songs of the benchmark,
four renderings each.
"""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from songdiff import SongPipeline
from songdiff.evaluation.benchmark_set import load_benchmark
from songdiff.evaluation.music import measure_music
from songdiff.evaluation.sound import log_mel
from songdiff.evaluation.style import listen, load_probe
from songdiff.models.style_probe import GENDERS

pytestmark = pytest.mark.slow
PROMPTS = {"metal": "metal, dark, heavy", "ambient": "ambient, calm", "house": "house, euphoric, dance"}


@dataclass
class Heard:
    """Genre and gender (natural logarithms of probabilities), the song's pitch accuracy and chords, its log-mel."""

    genre: torch.Tensor
    gender: torch.Tensor
    pitch: float
    chords: float
    mel: np.ndarray


@pytest.fixture(scope="module")
def pipeline():
    pipeline = SongPipeline.from_pretrained("songdiff/tiny")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def sung(pipeline, item, prompt, **arguments):
    generator = torch.Generator().manual_seed(item.seed)
    score = arguments.pop("score", item.score)
    song = pipeline(score=score, prompt=prompt, generator=generator, **arguments)
    probe, music = load_probe(), measure_music(item.score, song.stems)
    heard = Heard(
        listen(probe, song.audio).genre[0].log_softmax(-1),
        listen(probe, song.stems["vocals"]).gender[0].log_softmax(-1),
        music["melody_pitch"],
        music["chords_majmin"],
        np.maximum(log_mel(song.audio.mean(0)), np.log(1e-3)),
    )
    return song, heard


def test_prompt_reference_and_voice_change_the_sound_and_keep_the_notes(pipeline):
    items = [item for item in load_benchmark() if item.english and item.score.parts][:6]
    genres = load_probe().config.genres
    rows = {}

    def note(name, value):
        if value is not None:  # power chords have no third to be right
            rows.setdefault(name, []).append(float(value))

    plain = [sung(pipeline, item, item.prompt) for item in items]
    for i, (item, (_, before)) in enumerate(zip(items, plain, strict=True)):
        genre = list(PROMPTS)[i % 3]
        _, after = sung(pipeline, item, PROMPTS[genre])
        index = genres.index(genre)
        note("prompt: rise of the log-probability of the genre asked for", after.genre[index] - before.genre[index])
        note("prompt: mean |log-mel difference|, nepers", np.abs(after.mel - before.mel).mean())
        note("pitch right, own prompt", before.pitch)
        note("pitch right, other prompt", after.pitch)
        note("chords right, own prompt", before.chords)
        note("chords right, other prompt", after.chords)

        reference = torch.from_numpy(plain[(i + 3) % len(plain)][0].audio)
        _, after = sung(pipeline, item, item.prompt, reference_audio=reference)
        wanted = plain[(i + 3) % len(plain)][1].genre
        note("reference: genre's divergence from it, before", (wanted.exp() * (wanted - before.genre)).sum())
        note("reference: and after", (wanted.exp() * (wanted - after.genre)).sum())
        note("reference: pitch right", after.pitch)

        other = next(k for k in range(i + 1, i + 7) if gender(items[k % 6]) != gender(item)) % 6
        vocals, anyone = plain[other][0].stems["vocals"], item.score.model_copy(update={"singer": None})
        start = round((items[other].score.melody[0].start) * 44100)
        clip = torch.from_numpy(vocals[:, start : start + 6 * 44100])
        wanted_gender = GENDERS.index(gender(items[other]))
        neutral = item.prompt.replace("female vocals", "").replace("male vocals", "")
        _, after = sung(pipeline, item, neutral, score=anyone, voice_audio=clip)
        note("voice: gender of the clip, heard", float(after.gender.argmax() == wanted_gender))
        note("voice: its log-probability", after.gender[wanted_gender])
    means = {name: float(np.mean(values)) for name, values in rows.items()}
    for name, values in rows.items():
        print(f"{name}: {means[name]:.2f} ({', '.join(f'{value:.2f}' for value in values)})")
    assert means["prompt: rise of the log-probability of the genre asked for"] > 0
    assert means["prompt: mean |log-mel difference|, nepers"] > 0.1
    assert means["pitch right, other prompt"] > means["pitch right, own prompt"] - 0.1
    assert means["reference: and after"] < means["reference: genre's divergence from it, before"]


def gender(item):
    return item.score.singer.gender
