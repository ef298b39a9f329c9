"""What a rule is: it writes one operator of torch as those of ONNX, and names what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sdalgo.exported.writer import Writer

Arguments = dict[str, Any]
"""By the names of torch's schema; a tensor is a node of the program."""
Rule = Callable[[Writer, Arguments], Any]
"""Returns the name of the result, or a tuple of names; ValueError for what is not read."""
