"""Path, time sampling and guidance; solvers are diffusers' flow-matching schedulers. Imports no model."""

from .guidance import Denoiser, Guidance, Limits, vocals_apart
from .path import draw_times, interpolate, masked_velocity_loss

__all__ = ["Denoiser", "Guidance", "Limits", "draw_times", "interpolate", "masked_velocity_loss", "vocals_apart"]
