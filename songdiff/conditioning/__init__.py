"""Score and style → tensors on the latent grid."""

from .dropout import draw_known_mask, drop_controls
from .features import Grain, frame_conditions, phoneme_tokens
from .frames import FrameConditions
from .groups import ALL_GROUPS, CONTROLS, FINE, GRAINS, GROUPS, VOICE
from .rests import resting_cells
from .voice import VOICE_SECONDS, sounding_frames, voice_statistics

__all__ = [
    "ALL_GROUPS",
    "CONTROLS",
    "FINE",
    "GRAINS",
    "GROUPS",
    "VOICE",
    "VOICE_SECONDS",
    "FrameConditions",
    "Grain",
    "draw_known_mask",
    "drop_controls",
    "frame_conditions",
    "phoneme_tokens",
    "resting_cells",
    "sounding_frames",
    "voice_statistics",
]
