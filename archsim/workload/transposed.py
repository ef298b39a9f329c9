"""A transposed convolution as the convolution of its sub-kernels (docs/reference/formats.md).

With stride s, output y of a transposed convolution is `sum over i of x[i] w[y + p - s i]`: outputs
of one phase, y + p modulo s, meet every s-th tap alone. So one convolution of the input, with
stride 1, ceil(R / s) taps and a filter for each output channel and phase, makes them all, and a
free shuffle puts them in their places. Nothing is multiplied with an inserted zero; where s does
not divide R, the shorter phases have a tap of zeros (after Shi et al., arXiv:1609.07009).
"""

from dataclasses import dataclass
from math import prod

from archsim.workload.convolution import Geometry, Pair

Padding = tuple[int, int, int, int]


def lowered(kernel: Pair, stride: Pair, padding: Padding) -> tuple[Geometry, int]:
    """The convolution of the sub-kernels, and its filters for each output channel.

    Whole strides of the padding are not computed; what is left of it is cropped.
    """
    taps = _taps(kernel, stride)
    pads = tuple(max(0, taps[k % 2] - 1 - padding[k] // stride[k % 2]) for k in range(4))
    return Geometry(kernel=taps, padding=(pads[0], pads[1], pads[2], pads[3])), prod(stride)


def _taps(kernel: Pair, stride: Pair) -> Pair:
    return -(-kernel[0] // stride[0]), -(-kernel[1] // stride[1])


@dataclass(frozen=True)
class Shuffled:
    """What is left of the sub-kernels' outputs once they are in their places and cropped."""

    kernel: Pair
    stride: Pair
    padding: Padding
    output_padding: Pair

    def size(self, in_size: Pair) -> Pair:
        """(rows, columns): (H - 1) * stride - padding + kernel + output padding, as torch has."""
        rows, columns = (
            (in_size[axis] - 1) * self.stride[axis] - self.padding[axis] - self.padding[axis + 2]
            + self.kernel[axis] + self.output_padding[axis]
            for axis in (0, 1)
        )  # fmt: skip
        return rows, columns
