"""The listener that teaches pronunciation: who learns from which loss, and what counts as asked for."""

import pytest
import torch

from songdiff.composer import compose
from songdiff.conditioning import frame_conditions
from songdiff.conditioning.frames import FrameConditions
from songdiff.lyrics import parse_lyrics
from songdiff.lyrics.phonemes import INVENTORY
from songdiff.training.alignment import IGNORED, PhonemeListener, alignment_losses, phoneme_labels


@pytest.fixture
def example():
    """A batch in which each phoneme has latents of its own, and a listener that has heard them."""
    torch.manual_seed(0)
    labels = torch.randint(1, 9, (6, 24)).repeat_interleave(4, dim=1)
    codes = torch.randn(len(INVENTORY), 8)
    data, noise = codes[labels[:, ::4]].transpose(1, 2), torch.randn(6, 8, 24)
    listener = PhonemeListener(8, hidden_size=16)
    optimizer = torch.optim.AdamW(listener.parameters(), lr=1e-2)
    times = torch.full((6,), 0.1)
    for _ in range(60):
        loss = alignment_losses(listener, data, data, labels, times, noise)["listening"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    optimizer.zero_grad()
    return listener, data, labels, noise


def test_wrong_phonemes_cost_more_and_early_ones_less(example):
    listener, data, labels, noise = example

    def cost(predicted, time):
        return float(alignment_losses(listener, data, predicted, labels, torch.full((6,), time), noise)["alignment"])

    wrong = data.roll(1, 0)
    assert cost(data, 0.1) < 0.3 * cost(wrong, 0.1)
    assert cost(wrong, 0.9) < 0.1 * cost(wrong, 0.1)


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
    fresh, times = PhonemeListener(8, hidden_size=16), torch.full((6,), 0.2)
    wrong = data.roll(1, 0)
    taught = float(alignment_losses(listener, data, wrong, labels, times, noise)["alignment"].detach())
    assert float(alignment_losses(fresh, data, wrong, labels, times, noise)["alignment"].detach()) < 0.5 * taught


def test_only_phonemes_timed_as_such_are_asked_for():
    score = compose(parse_lyrics("[Verse]\nthe river is calling me home"), "folk", duration=20, seed=3)
    conditions = frame_conditions(score, 64, 21.5)
    conditions.set_grain("phoneme")
    by_word = frame_conditions(score, 64, 21.5)
    by_word.set_grain("word")
    halved = conditions.drop(["phonemes"], 32)
    batch = FrameConditions.stack([conditions, by_word, halved, conditions.drop(["phonemes"])]).to("cpu", torch.float32)
    labels = phoneme_labels(batch.phonemes, batch.features)
    assert torch.equal(labels[0], batch.phonemes[0])
    assert (labels[1] == IGNORED).all()
    assert torch.equal(labels[2, :128], batch.phonemes[0, :128])
    assert (labels[2, 128:] == IGNORED).all()
    assert (labels[3] == IGNORED).all()
    losses = alignment_losses(
        PhonemeListener(8),
        torch.randn(1, 8, 64),
        torch.randn(1, 8, 64),
        labels[3:],
        torch.ones(1),
        torch.randn(1, 8, 64),
    )
    assert all(float(value.detach()) == 0 for value in losses.values())
