"""Everything a network does besides multiplying on the array."""

from typing import Any, ClassVar

from pydantic import SerializerFunctionWrapHandler, model_serializer

from archsim.arch.component import Component, Count, Kind, Operands, Units


class PostProcessor(Component):
    """Activation, quantisation, pooling, additions and other element-wise work on results as they
    leave.

    A lane does an element per cycle, or a step of one: an operation takes so many multiplications
    or additions per element, `*_steps` [A]. Exponentials, reciprocals, roots and sigmoids are a
    multiply-add on a segment of a table, one step. Softmax: largest of the row, difference,
    exponential, sum, product with the reciprocal. Layer norm: sum, difference, sum of squares,
    product with the reciprocal root, scale and shift. RMS norm: sum of squares, product with the
    reciprocal root, scale. GELU and SiLU: a table's segment of the sigmoid or of erf, and a product
    with the value; hard-swish: a clipped sum, and a product. All else takes one.
    """

    kind: ClassVar[Kind] = "post"
    operands: ClassVar[Operands] = {"element": ("activation",)}
    units: ClassVar[Units] = {"lane": ("elements_per_cycle",)}

    elements_per_cycle: Count
    softmax_steps: Count = 5
    layernorm_steps: Count = 5
    rmsnorm_steps: Count = 3
    gelu_steps: Count = 2
    silu_steps: Count = 2
    hardswish_steps: Count = 2

    def steps_of(self, op: str) -> int:
        return int(getattr(self, f"{op}_steps", 1))

    @model_serializer(mode="wrap")
    def _as_written(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the steps that the file leaves as they are: results of before have none."""
        own = self.model_fields_set
        return {
            key: value
            for key, value in plain(self).items()
            if not key.endswith("_steps") or key in own
        }
