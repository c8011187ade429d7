"""Score and style → tensors on the latent grid."""

from .dropout import draw_known_mask, drop_controls
from .frames import CONTROLS, FINE, GRAINS, FrameConditions, Grain, frame_conditions

__all__ = [
    "CONTROLS",
    "FINE",
    "GRAINS",
    "FrameConditions",
    "Grain",
    "draw_known_mask",
    "drop_controls",
    "frame_conditions",
]
