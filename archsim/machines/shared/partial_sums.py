"""Widths of partial sums, and the bytes that one addition into a partial sum moves."""

PSUM_BYTES = 3
"""24 bits in every array of inference (docs/machines/README.md)."""
PSUM_UPDATE_BYTES = 2 * PSUM_BYTES
"""An addition reads the partial sum and writes it back."""

FLOAT_PSUM_BYTES = 4
"""float32, in which training adds up its products of bfloat16 (docs/machines/README.md)."""
FLOAT_PSUM_UPDATE_BYTES = 2 * FLOAT_PSUM_BYTES
"""As `PSUM_UPDATE_BYTES`."""
