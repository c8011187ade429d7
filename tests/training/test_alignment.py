"""The listener that teaches pronunciation: who learns from which loss, and what counts as asked for."""

import pytest
import torch

from songdiff.composer import compose
from songdiff.conditioning import frame_conditions
from songdiff.conditioning.frames import FrameConditions
from songdiff.lyrics import parse_lyrics
from songdiff.training.alignment import HEARD, IGNORED, VocalListener, alignment_losses, vocal_labels


@pytest.fixture
def example():
    """A batch in which each phoneme and each pitch has latents of its own, and a listener that has heard them."""
    torch.manual_seed(0)
    labels = {name: torch.randint(1, 9, (6, 24)).repeat_interleave(4, dim=1) for name in HEARD}
    codes = {name: torch.randn(9, 8) for name in HEARD}
    data = torch.cat([codes[name][labels[name][:, ::4]] for name in HEARD], dim=-1).transpose(1, 2)
    noise, times = torch.randn(6, 16, 24), torch.full((6,), 0.1)
    listener = VocalListener(16, hidden_size=32)
    optimizer = torch.optim.AdamW(listener.parameters(), lr=1e-2)
    for _ in range(60):
        loss = alignment_losses(listener, data, data, labels, times, noise)["listening"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    optimizer.zero_grad()
    return listener, data, labels, noise


def test_wrong_phonemes_or_pitches_cost_more_and_early_ones_less(example):
    listener, data, labels, noise = example

    def cost(predicted, time):
        return float(alignment_losses(listener, data, predicted, labels, torch.full((6,), time), noise)["alignment"])

    for half in (slice(0, 8), slice(8, 16)):
        wrong = data.clone()
        wrong[:, half] = data.roll(1, 0)[:, half]
        assert cost(data, 0.1) < 0.3 * cost(wrong, 0.1)
    assert cost(wrong, 0.9) < 0.1 * cost(wrong, 0.1)


def test_nothing_is_to_be_clearer_than_the_true_voice(example):
    listener, data, labels, noise = example
    predicted = data + noise  # heard badly, and no worse than the true one through as much noise
    losses = alignment_losses(listener, data, predicted, labels, torch.zeros(6), 4 * noise)
    assert losses["listening"] > 0.1
    assert losses["alignment"] < 1e-6


def test_each_learns_from_its_own_loss(example):
    listener, data, labels, noise = example
    predicted = data.roll(1, 0).requires_grad_()
    losses = alignment_losses(listener, data, predicted, labels, torch.full((6,), 0.2), noise)
    losses["alignment"].backward(retain_graph=True)
    assert all(parameter.grad is None for parameter in listener.parameters())
    assert predicted.grad.abs().sum() > 0
    losses["listening"].backward()
    assert all(parameter.grad is not None for parameter in listener.parameters())


def test_a_listener_that_knows_nothing_teaches_little(example):
    listener, data, labels, noise = example
    fresh, times = VocalListener(16, hidden_size=32), torch.full((6,), 0.2)
    wrong = data.roll(1, 0)
    taught = float(alignment_losses(listener, data, wrong, labels, times, noise)["alignment"].detach())
    assert float(alignment_losses(fresh, data, wrong, labels, times, noise)["alignment"].detach()) < 0.5 * taught


def test_only_what_is_known_is_asked_for_and_phonemes_only_as_finely_as_timed():
    score = compose(parse_lyrics("[Verse]\nthe river is calling me home"), "folk", duration=20, seed=3)
    conditions = frame_conditions(score, 430, 21.5)
    conditions.set_grain("phoneme")
    by_word = frame_conditions(score, 430, 21.5)
    by_word.set_grain("word")
    halved = conditions.drop(["phonemes", "melody"], 215)
    nothing = conditions.drop(["phonemes", "melody"])
    batch = FrameConditions.stack([conditions, by_word, halved, nothing]).to("cpu", torch.float32)
    labels = vocal_labels(batch.phonemes, batch.melody, batch.features)
    assert torch.equal(labels["phonemes"][0], batch.phonemes[0])
    assert (labels["phonemes"][1] == IGNORED).all()
    for name in HEARD:
        asked = getattr(batch, name)
        assert asked[0].unique().numel() > 2
        assert torch.equal(labels[name][2, :860], asked[2, :860])
        assert (labels[name][2, 860:] == IGNORED).all()
        assert (labels[name][3] == IGNORED).all()
    assert torch.equal(labels["melody"][1], batch.melody[1])
    latents, none = torch.randn(3, 1, 8, 430), {name: asked[3:] for name, asked in labels.items()}
    losses = alignment_losses(VocalListener(8), latents[0], latents[1], none, torch.ones(1), latents[2])
    assert all(float(value.detach()) == 0 for value in losses.values())
