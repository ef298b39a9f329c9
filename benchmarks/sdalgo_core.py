"""The decomposition of every convolution of ResNet50: 23.5 million seeded weights, no torch."""

from __future__ import annotations

import sys

import numpy as np

from archsim import load_workload
from sdalgo import decompose

if __name__ == "__main__":
    random = np.random.default_rng(0)
    for layer in load_workload("resnet50_sd").layers:
        if layer.op == "conv":
            shape = (layer.out_channels, layer.in_channels // layer.groups, *layer.kernel)
            fan_in = shape[1] * shape[2] * shape[3]
            weight = random.standard_normal(shape, dtype=np.float32) * np.sqrt(2 / fan_in)
            if "--weights-only" not in sys.argv:
                decompose(weight.astype(np.float32))
