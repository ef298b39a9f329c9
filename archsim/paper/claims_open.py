"""Claims that nothing here can decide, and what each of them would take."""

from __future__ import annotations

from collections.abc import Mapping

REASONS: Mapping[int, str] = {
    7: "Takes trained CIFAR-10 weights of VGG19 and the data set to lose accuracy on.",
    8: "A setting, not a result; the released code's own default is another (300).",
    9: "A time on one processor. `python -m benchmarks` times the decomposition of ResNet50's "
    "convolutions here; the command line of archsim does not run it.",
    13: "Takes CIFAR-10 and 80 epochs of re-training for each of 14 models.",
    17: "Takes the FPGA board and its power meter. The column itself shows what the text says of "
    "it: 0.79 with decomposition alone, 2.49 with powers of two.",
    27: "Takes CamVid, a trained DeepLabV3+, and re-training.",
    28: "Takes Penn Treebank and training; the rate at which the two are equal is not stated.",
    32: "Takes CIFAR-100 and 80 epochs of training.",
    38: "Takes the trained ResNet164 layer that the paper shows; `sdalgo report` follows the "
    "decomposition of any weights, where sparsity rises at once.",
    40: "Settings, not results.",
}
