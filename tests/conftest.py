import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from songdiff.composer import STYLE_WORDS
from songdiff.conditioning import ALL_GROUPS
from songdiff.models import MelAutoencoder, SongTransformer, SpectralVocoder, StyleEncoder
from songdiff.pipelines import SongPipeline


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """A folder with a whole checkpoint of random weights at the smallest size."""
    torch.manual_seed(0)
    transformer = SongTransformer(
        latent_channels=8,
        hidden_size=32,
        num_layers=2,
        num_heads=1,
        style_size=16,
        groups=list(ALL_GROUPS),
        singers={"mara": {"gender": "female", "low": 54, "high": 70, "timbre": ["warm", "clear"], "brightness": 0.0}},
    )
    for parameter in transformer.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    autoencoder = MelAutoencoder(latent_channels=8, hidden_size=16, num_layers=1)
    noise = torch.randn(12, 2, 2048 * 16) * torch.rand(12, 1, 1)
    autoencoder.fit_principal_components(autoencoder.patches(noise).flatten(0, 1))
    pipeline = SongPipeline(
        autoencoder=autoencoder,
        vocoder=SpectralVocoder(hidden_size=16, num_layers=1, griffin_lim_iterations=2),
        style_encoder=StyleEncoder(vocabulary=list(STYLE_WORDS), embedding_size=16, num_layers=1),
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(),
        num_inference_steps=3,
    )
    folder = tmp_path_factory.mktemp("checkpoint") / "random"
    pipeline.save_pretrained(folder)
    return folder
