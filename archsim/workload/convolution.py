"""The geometry of a convolution: how its kernel slides over a plane, in whole numbers alone."""

from dataclasses import dataclass

Pair = tuple[int, int]
"""(rows, columns), or (height, width)."""


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """How a kernel slides over a plane: pairs (rows, columns), padding as (top, left, bottom,
    right). A pool has one too; a linear layer is a 1x1 convolution.
    """

    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def padded(self, in_size: Pair) -> Pair:
        """(rows, columns) of the plane with its padding."""
        top, left, bottom, right = self.padding
        return in_size[0] + top + bottom, in_size[1] + left + right

    @property
    def reach(self) -> Pair:
        """Distance between the first and the last tap, dilation included: (rows, columns)."""
        return (self.kernel[0] - 1) * self.dilation[0], (self.kernel[1] - 1) * self.dilation[1]

    def reached(self, tile: Pair) -> Pair:
        """(rows, columns) of the outputs that the inputs of a tile may reach, halo included."""
        rows, columns = (-(-(tile[i] + self.reach[i]) // self.stride[i]) for i in (0, 1))
        return rows, columns

    def out_size(self, in_size: Pair) -> Pair:
        """(P, Q) of the output plane, floored.

        Raises:
            ValueError: the kernel does not fit in the padded plane.
        """
        counts = []
        for axis, name in enumerate(("high", "wide")):
            padded, span = self.padded(in_size)[axis], self.reach[axis] + 1
            if span > padded:
                raise ValueError(
                    f"the kernel reaches {span} and the padded plane is {padded} {name}"
                )
            counts.append((padded - span) // self.stride[axis] + 1)
        return counts[0], counts[1]
