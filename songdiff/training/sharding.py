"""One network over several devices (FSDP2, torch's ``fully_shard``): its weights, their gradients, moments and averages
are split between the processes, and each block is put together while it is computed.

The split is torch's own and not accelerate's, which has none on CPUs, so that tests can run it there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(task: nn.Module, network: Any, device: torch.device, processes: int, dtype: torch.dtype | None) -> None:
    """Split ``task`` in place: each of ``network``'s repeated blocks by itself, then the rest.

    ``dtype``: what weights are sent and multiplied in (None: as they are); gradients are summed in float32.
    """
    mesh = init_device_mesh(device.type, (processes,))
    # inputs stay as they are: times and noise are drawn in float32, and autocast casts what is multiplied
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
    for module in network.modules():
        if type(module).__name__ in (network._repeated_blocks or []):
            fully_shard(module, mesh=mesh, mp_policy=policy)
    fully_shard(task, mesh=mesh, mp_policy=policy)


def whole_tensor(tensor: Tensor) -> Tensor:
    """Put together what is split; every process must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(tensor: Tensor, reference: Tensor) -> Tensor:
    """Split a tensor that every process has, as ``reference`` is."""
    if not isinstance(reference, DTensor):
        return tensor
    tensor = tensor.to(reference.device)
    return distribute_tensor(tensor, reference.device_mesh, reference.placements, src_data_rank=None)


def is_split(network: nn.Module) -> bool:
    """Whether its weights are split between the processes."""
    return any(isinstance(p, DTensor) for p in network.parameters())


def whole_network(network: Any, main: bool) -> Any:
    """A copy on the CPU, with whole weights, of a network that is split; every process must ask, and only the ``main``
    one is answered."""
    tensors = {}
    for name, value in network.state_dict().items():
        value = whole_tensor(value.detach())
        if main:
            tensors[name] = value.cpu()
    if not main:
        return None
    with torch.device("meta"):
        copy = type(network).from_config(network.config)
    copy.load_state_dict(tensors, assign=True)
    return copy
