"""SCNN over DCNN on the networks of its own paper (ISCA'17, section 6), whose densities are
published; what is left of the difference is told in docs/machines/scnn.md."""

import pytest

import archsim
from archsim.machines.shared.machine import load_machine
from archsim.workload.workload import load_workload

# The gain that the paper prints, and how far compute cycles come from it.
PUBLISHED = {
    "alexnet_scnn": (2.37, 0.05),
    "vgg16_scnn": (3.52, 0.15),
    "googlenet_scnn": (2.19, 0.03),
    "googlenet_dense": (0.79, 0.06),
}


def cycles(name, layer, tensors):
    arch = archsim.load_arch(f"published/{name}")
    (table,) = load_machine(arch).tiles(layer, tensors, arch)
    return table


def tables(network):
    """(layer, SCNN's table, DCNN's) of each convolution."""
    workload = load_workload(f"published/{network}").only_convs()
    for layer in workload.layers:
        tensors = workload.tensors(layer)
        yield layer, cycles("scnn", layer, tensors), cycles("dcnn", layer, tensors)
        workload.release(layer)


@pytest.mark.slow
@pytest.mark.parametrize("network", PUBLISHED)
def test_gain_over_the_dense_machine(network):
    found = [(one.compute_cycles, other.compute_cycles) for _, one, other in tables(network)]
    sparse, dense = (sum(side) for side in zip(*found, strict=True))
    published, within = PUBLISHED[network]
    assert dense / sparse == pytest.approx(published, rel=within)


@pytest.mark.slow
def test_the_last_modules_of_googlenet_use_less_than_a_fifth_of_the_multipliers():
    """As ISCA'17 says of them, with groups of 8 filters."""
    for layer, sparse, _ in tables("googlenet_scnn"):
        if layer.name.startswith("inception_5b") and layer.kernel == (1, 1):
            assert sparse.busy["pe_array"] / (sparse.compute_cycles * 1024) < 0.2
