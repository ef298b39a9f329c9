"""Tensors that look like weights and are not decomposed: named, so that nobody counts on them."""

from collections.abc import Mapping

_SHOWN = 8


def left_raw(shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Return a line that names those of more than one axis longer than 1; none if there are none.

    Args:
        shapes: of the floating-point tensors that stay as they are, by name.
    """
    like = [name for name, shape in shapes.items() if sum(size > 1 for size in shape) > 1]
    if not like:
        return []
    words = [f"{name} ({'x'.join(map(str, shapes[name]))})" for name in like[:_SHOWN]]
    more = f" and {len(like) - _SHOWN} more" if len(like) > _SHOWN else ""
    return [f"not decomposed: {', '.join(words)}{more}"]
