import json

import pytest
import torch

from songdiff.conditioning import FrameConditions
from songdiff.conditioning.groups import ALL_GROUPS, FIRST_GROUPS, GROUP_NAMES, GROUPS, NUM_FEATURES
from songdiff.models import SongTransformer, StyleEncoder
from songdiff.models.transformer import attention, local_attention


def inputs(B: int, T: int, C: int = 8):
    torch.manual_seed(1)
    conditions = FrameConditions(
        torch.randint(0, 40, (B, 4 * T)),
        torch.randint(0, 100, (B, 4 * T)),
        torch.randint(0, 100, (B, 4 * T)),
        torch.randn(B, T, NUM_FEATURES),
        torch.ones(B, T, len(GROUPS)),
        torch.randn(B, 2 * C),
    )
    latents = torch.randn(B, 4 * C, T)
    style = torch.randn(B, 5, 16), torch.ones(B, 5, dtype=torch.bool), torch.randn(B, 16)
    return conditions, latents, style, torch.zeros(B, 4, T, dtype=torch.bool)


def small(**config) -> SongTransformer:
    return SongTransformer(latent_channels=8, hidden_size=32, num_layers=2, num_heads=2, style_size=16, **config)


@pytest.fixture(scope="module")
def model() -> SongTransformer:
    torch.manual_seed(0)
    model = small(groups=list(ALL_GROUPS)).eval()
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


@torch.no_grad()
def test_conditions_are_encoded_from_the_listed_groups_alone(model):
    conditions, *_ = inputs(1, 12)
    first = small().eval()
    assert first.condition_encoder.features.in_features == 160 + 11  # as checkpoints without a list of groups have it
    changed = conditions.drop([group for group in ALL_GROUPS if group not in FIRST_GROUPS])
    assert torch.equal(first.encode_conditions(conditions), first.encode_conditions(changed))
    for group in ALL_GROUPS:
        changed = conditions.drop([group])
        assert not torch.equal(model.encode_conditions(conditions), model.encode_conditions(changed)), group
        if group in FIRST_GROUPS:
            assert not torch.equal(first.encode_conditions(conditions), first.encode_conditions(changed)), group


def test_the_weights_of_a_checkpoint_without_a_list_of_groups_fit(tmp_path):
    small().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["groups"], config["singers"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    loaded, info = SongTransformer.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert loaded.config.groups is None
    assert loaded.condition_encoder.groups == list(FIRST_GROUPS)


@torch.no_grad()
def test_the_columns_are_in_the_order_of_the_list():
    conditions, *_ = inputs(1, 12)
    encoder = small(groups=["tempo", *FIRST_GROUPS]).eval().condition_encoder
    seen = []
    encoder.features.register_forward_hook(lambda _, arguments, __: seen.append(arguments[0]))
    encoder(conditions)
    start = sum(GROUPS[group] for group in GROUP_NAMES[: GROUP_NAMES.index("tempo")])
    assert torch.equal(seen[0][..., :3], conditions.features[..., start : start + 3])
    assert torch.equal(seen[0][..., 3:163], conditions.features[..., :160])
    assert NUM_FEATURES > 163


def test_groups_must_be_known():
    with pytest.raises(ValueError, match="groups: smell; choose phonemes, melody, bass and any of drums"):
        small(groups=[*ALL_GROUPS, "smell"])
    with pytest.raises(ValueError, match="too few"):
        small(groups=["phonemes"])


def test_the_list_of_groups_travels_with_the_weights(model, tmp_path):
    model.save_pretrained(tmp_path)
    assert SongTransformer.from_pretrained(tmp_path).config.groups == list(ALL_GROUPS)


def test_one_step_of_training_reaches_every_weight():
    torch.manual_seed(0)
    network = small(groups=list(ALL_GROUPS))
    for parameter in network.parameters():  # the zero-initialised layers too
        torch.nn.init.normal_(parameter, std=0.1)
    conditions, latents, style, mask = inputs(2, 12)
    velocity = network(latents, torch.tensor([0.3, 0.8]), network.encode_conditions(conditions), *style, latents, mask)
    velocity.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert network.condition_encoder.voice.weight.grad.any()
    assert network.condition_encoder.features.weight.grad.any(0).all()


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


def test_attention_in_training_is_that_of_torch():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 3, 20, 8)
    for mask in (None, torch.rand(20, 20) < 0.5):
        trained = attention(q.clone().requires_grad_(), k, v, mask)
        assert torch.allclose(trained, attention(q, k, v, mask), atol=1e-6)


def test_local_attention_sees_its_own_block_and_its_neighbours_only():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 3, 70, 8)
    block = torch.arange(70) // 16
    near = (block[:, None] - block).abs() <= 1
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=near)
    assert torch.allclose(local_attention(q, k, v, 16), expected, atol=1e-5)
    everything = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    assert torch.equal(local_attention(q, k, v, 35), everything)
    assert torch.equal(local_attention(q, k, v, None), everything)
