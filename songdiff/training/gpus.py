"""What the GPUs that songs are trained on can do at most: bfloat16 products (dense, summed in float32) and memory.

From the makers' data sheets. The names are parts of what the driver calls them.
"""

from __future__ import annotations

from typing import NamedTuple


class Gpu(NamedTuple):
    """``flops`` a second, ``memory`` in bytes."""

    flops: float
    memory: float


GPUS = {
    "B200": Gpu(2250e12, 180e9),
    "H200": Gpu(989e12, 141e9),
    "H100": Gpu(989e12, 80e9),
    "A100": Gpu(312e12, 80e9),
    "L40S": Gpu(362e12, 48e9),
    "RTX 5090": Gpu(209.5e12, 32e9),
    "RTX 4090": Gpu(165.2e12, 24e9),
    "RTX 3090": Gpu(71e12, 24e9),
    "L4": Gpu(121e12, 24e9),
}


def find_gpu(name: str) -> Gpu | None:
    """The entry for a GPU as its driver names it ("NVIDIA H100 80GB HBM3"), where there is one."""
    words = f"{name.replace('-', ' ')} "
    return next((gpu for key, gpu in GPUS.items() if f"{key} " in words), None)
