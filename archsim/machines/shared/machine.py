"""What a file in `machines/` is: one function, `tiles`, that turns a layer into tile tables.

    def tiles(layer, tensors, arch) -> Sequence[Tiles]        # one table a phase

and, beside it, `FLOWS`, the flow names it fills in. A machine that does not keep results as dense
elements also defines

    def stored_bytes(layer, values, arch) -> int      # one sample of the layer's results in DRAM

where `values` is the tensor that the next layer with weights reads, or None if there is none.

A rule finds its components by class, and the buffers of a flow by following its path, so renaming
or adding components on the way changes no Python. Machines are found by listing
(docs/machines/README.md is the how-to). `WIDTHS` are the bits of operands that a rule takes; 8
alone where it does not say.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol, TypeVar, cast

from archsim.arch.arch import Arch
from archsim.arch.component import Component
from archsim.arch.components.global_buffer import GlobalBuffer
from archsim.arch.components.post_processor import PostProcessor
from archsim.arch.machine_files import module_of
from archsim.formats.errors import InputError
from archsim.formats.widths import DEFAULT_BITS
from archsim.machines.shared.tiles import Tiles
from archsim.machines.shared.traffic import Held
from archsim.machines.shared.widths import activation_bytes, packed_bytes, read_bytes
from archsim.workload.layer import Layer
from archsim.workload.rows import rows_read_again
from archsim.workload.tensors import LayerTensors

C = TypeVar("C", bound=Component)

LARGEST_TILE = 2048
"""Bytes: half of the 4 KB that Table IX gives results. A larger buffer does not ask for larger
tiles, which would only leave later.
"""


class Machine(Protocol):
    """What a machine file provides."""

    FLOWS: Sequence[str]

    def tiles(self, layer: Layer, tensors: LayerTensors, arch: Arch, /) -> Sequence[Tiles]:
        """The tile tables of one layer, one per phase."""


def load_machine(arch: Arch) -> Machine:
    """The machine of an arch, which `load_arch` has checked."""
    return cast("Machine", module_of(arch.machine_path))


def only(arch: Arch, kind: type[C]) -> C:
    """The one component of that class. InputError if there is none or more than one."""
    return arch.components[name_of(arch, kind)]  # type: ignore[return-value]


@lru_cache(maxsize=1024)
def name_of(arch: Arch, kind: type[Component]) -> str:
    """The name of the one component of that class. InputError if there is none or more than one."""
    names = [name for name, part in arch.components.items() if isinstance(part, kind)]
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise InputError.at(
            arch.path,
            f"machine {arch.machine!r} needs exactly one component of class {kind.__name__}, "
            f"found {found}",
        )
    return names[0]


@lru_cache(maxsize=1024)
def storage_of(arch: Arch, flow: str) -> str:
    """The buffer of a flow that is nearest the compute array."""
    path = arch.flows[flow].path
    stores = [name for name in path if arch.components[name].kind == "storage"]
    return stores[0] if path[0] == arch.compute else stores[-1]


def buffer_of(arch: Arch, flow: str) -> GlobalBuffer:
    """The component that `storage_of` names."""
    return cast("GlobalBuffer", arch.components[storage_of(arch, flow)])


def buffers_of(arch: Arch) -> dict[str, GlobalBuffer]:
    """The components that flows rest in, by name."""
    parts = arch.components.items()
    return {name: cast("GlobalBuffer", part) for name, part in parts if part.kind == "storage"}


def posts_of(arch: Arch) -> dict[str, PostProcessor]:
    """The components that do element-wise work, by name."""
    parts = arch.components.items()
    return {name: cast("PostProcessor", part) for name, part in parts if part.kind == "post"}


def post_steps(layer: Layer, arch: Arch) -> int:
    """Steps of the post-processor's lanes for a sample of a layer: for each element that leaves an
    array, and for each input of a window or operand that an element-wise layer takes, what its
    operation asks for."""
    each = max((part.steps_of(layer.op) for part in posts_of(arch).values()), default=1)
    return layer.output_elements * layer.window * each


@lru_cache(maxsize=1024)
def share_of(arch: Arch, buffer: str) -> int:
    """Bytes of a buffer that one of the flows on it may hold."""
    users = sum(buffer in flow.path for flow in arch.flows.values())
    return buffers_of(arch)[buffer].capacity_bytes // max(1, users)


def tile_pixels(layer: Layer, arch: Arch, filters: int) -> int:
    """Output pixels of a tile of so many filters where nothing in the array decides.

    Its results take at most half the output buffer, so that the other half can leave, and never
    more than `LARGEST_TILE`; its share of the inputs takes at most a quarter of theirs, so that the
    next ones can come.
    """
    roles = {flow.role: name for name, flow in arch.flows.items()}
    room = min(LARGEST_TILE, share_of(arch, storage_of(arch, roles["result"])) // 2)
    plane = layer.positions * layer.out_size[0] * layer.out_size[1]
    quarter = share_of(arch, storage_of(arch, roles["moving"])) // 4
    results = activation_bytes(filters, arch)
    return max(1, min(room // results, plane * quarter // max(1, read_bytes(layer, arch))))


def input_blocks(layer: Layer, arch: Arch) -> int:
    """In how many blocks the input buffer takes the inputs of a sample."""
    return Held(read_bytes(layer, arch), share_of(arch, storage_of(arch, "input"))).blocks


def halo_bytes(layer: Layer, blocks: int = 2, bits: int = DEFAULT_BITS) -> int:
    """Bytes of inputs, of so many `bits` each, that each cut between blocks of the output plane
    brings again: the rows that a block reads and an earlier one has read, counted, and shared out
    over the cuts.

    A layer whose samples each come in one block may be cut in a batch; that counts as two blocks.
    """
    cuts = max(1, blocks - 1)
    rows = rows_read_again(layer.geometry, layer.in_size, cuts + 1)
    return packed_bytes(rows * layer.in_size[1] * layer.in_channels, bits, cuts)


def check_flows(arch: Arch, machine: Machine) -> None:
    """InputError if the arch lacks a flow that its machine fills in, or has one that it does not
    know.
    """
    missing = [flow for flow in machine.FLOWS if flow not in arch.flows]
    extra = [flow for flow in arch.flows if flow not in machine.FLOWS]
    for flow in missing:
        raise InputError.at(arch.path, f"machine {arch.machine!r} needs a flow named {flow!r}")
    for flow in extra:
        raise InputError.at(
            arch.path,
            f"flow {flow!r}: machine {arch.machine!r} knows only {', '.join(machine.FLOWS)}",
        )
