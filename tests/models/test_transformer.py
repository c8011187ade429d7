import pytest
import torch

from songdiff.conditioning import FrameConditions
from songdiff.conditioning.frames import GROUPS, NUM_FEATURES
from songdiff.models import SongTransformer, StyleEncoder


def inputs(B: int, T: int, C: int = 8):
    torch.manual_seed(1)
    conditions = FrameConditions(
        torch.randint(0, 40, (B, 4 * T)),
        torch.randint(0, 100, (B, 4 * T)),
        torch.randint(0, 100, (B, 4 * T)),
        torch.randn(B, T, NUM_FEATURES),
        torch.ones(B, T, len(GROUPS)),
    )
    latents = torch.randn(B, 4 * C, T)
    style = torch.randn(B, 5, 16), torch.ones(B, 5, dtype=torch.bool), torch.randn(B, 16)
    return conditions, latents, style, torch.zeros(B, 4, T, dtype=torch.bool)


@pytest.fixture(scope="module")
def model() -> SongTransformer:
    torch.manual_seed(0)
    model = SongTransformer(latent_channels=8, hidden_size=32, num_layers=2, num_heads=2, style_size=16).eval()
    for parameter in model.parameters():  # the zero-initialised layers too
        torch.nn.init.normal_(parameter, std=0.1)
    return model


@torch.no_grad()
def test_items_of_a_batch_do_not_touch(model):
    conditions, latents, style, mask = inputs(2, 12)
    times = torch.tensor([0.3, 0.8])
    states = model.encode_conditions(conditions)
    both = model(latents, times, states, *style, latents, mask)
    one = model(latents[1:], times[1:], states[1:], *(s[1:] for s in style), latents[1:], mask[1:])
    assert both.shape == latents.shape
    assert torch.allclose(both[1:], one, atol=1e-5)


@torch.no_grad()
def test_unknown_cells_of_known_latents_are_not_read(model):
    conditions, latents, style, mask = inputs(1, 12)
    mask[:, 0, :6] = True
    states, times = model.encode_conditions(conditions), torch.tensor([0.5])
    known = torch.randn_like(latents)
    changed = known.clone()
    changed[:, 8:] += 5  # tracks 1–3: unknown
    assert torch.equal(
        model(latents, times, states, *style, known, mask), model(latents, times, states, *style, changed, mask)
    )
    changed[:, 0, 2] += 5  # track 0, known
    assert not torch.equal(
        model(latents, times, states, *style, known, mask), model(latents, times, states, *style, changed, mask)
    )


@torch.no_grad()
def test_masked_style_tokens_are_not_read(model):
    conditions, latents, (tokens, style_mask, pooled), mask = inputs(1, 12)
    style_mask = torch.tensor([[True, True, False, False, False]])
    states, times = model.encode_conditions(conditions), torch.tensor([0.5])
    first = model(latents, times, states, tokens, style_mask, pooled, latents, mask)
    tokens[:, 2:] += 3
    assert torch.allclose(first, model(latents, times, states, tokens, style_mask, pooled, latents, mask), atol=1e-6)


def test_heads_must_fit():
    with pytest.raises(ValueError, match="does not split into 3 heads"):
        SongTransformer(hidden_size=32, num_heads=3)


def test_style_words_and_unknown_words():
    encoder = StyleEncoder(vocabulary=["warm", "folk", "bpm"], embedding_size=16, num_layers=1).eval()
    _tokens, unknown = encoder.tokenize("warm folk, 92 bpm, xylorimba")
    assert unknown == ["xylorimba"]
    assert encoder.tokenize("95 bpm")[0] == encoder.tokenize("92 bpm")[0] != encoder.tokenize("120 bpm")[0]
    with torch.no_grad():
        style = encoder.encode_text(["warm folk", ""])
        alone = encoder.encode_text(["warm folk"])
        audio = encoder.encode_audio(torch.randn(1, 100, 64))
    assert torch.allclose(style.pooled[0], alone.pooled[0], atol=1e-5)
    assert audio.pooled.norm() == pytest.approx(1, abs=1e-4)


@torch.no_grad()
def test_an_untrained_output_is_the_best_linear_guess():
    conditions, _, style, mask = inputs(1, 12)
    untrained = SongTransformer(latent_channels=8, hidden_size=32, num_layers=1, num_heads=2, style_size=16).eval()
    states = untrained.encode_conditions(conditions)
    for t in (0.1, 0.5, 0.9):
        data, noise = torch.randn(2, 1, 32, 12).unbind(0)
        noisy = (1 - t) * data + t * noise
        guess = untrained(noisy, torch.tensor([t]), states, *style, noisy, mask)
        many = torch.randn(2, 100_000)
        x = (1 - t) * many[0] + t * many[1]
        slope = ((many[1] - many[0]) * x).mean() / x.square().mean()
        assert torch.allclose(guess, slope * noisy, atol=0.05)
