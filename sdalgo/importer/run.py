"""The front door of the importer: a network is run once and becomes the layers of a workload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from archsim.formats.errors import InputError, Problem
from sdalgo.graph import Node
from sdalgo.importer.drawing import Drawing
from sdalgo.importer.execution import check_finite, execute
from sdalgo.importer.operations import Network
from sdalgo.importer.patterns import found_in
from sdalgo.importer.rules import RULES
from sdalgo.importer.trace import Origin, Step, Trace


class NetworkRun:
    """A network that has run, or is about to.

    Attributes:
        layers: of the workload, in the order in which they run.
        weights: of its array layers by name, in the layouts of a workload's tensors; of a matmul
            the second operand, transposed.
        inputs: what these read in the run, with a leading axis of one sample.
        stored: whole numbers that a quantised network holds itself: by layer, then `input` and
            `weight`.
        notes: what in the workload stands for something else.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers: list[Node] = []
        self.weights: dict[str, NDArray[np.float32]] = {}
        self.inputs: dict[str, NDArray[np.float32]] = {}
        self.stored: dict[str, dict[str, NDArray[np.integer[Any]]]] = {}
        self.notes: list[str] = []

    def run(self, feeds: Mapping[str, Tensor], given: frozenset[str] = frozenset()) -> list[Tensor]:
        """Run the network and fill the attributes.

        Args:
            feeds: every input by name.
            given: inputs that are masks, positions or identifiers (`sdalgo.importer.feeds`).

        Returns:
            The outputs.

        Raises:
            InputError: something is not understood, or has no place in a workload, all of it at
                once; or a value is NaN or infinite.
        """
        trace = execute(self.network, feeds, given)
        drawing = drawn(trace)
        self.layers, self.notes = drawing.layers, drawing.notes
        self.weights, self.inputs, self.stored = drawing.weights, drawing.inputs, drawing.stored
        return [value.known for value in trace.outputs]


def drawn(trace: Trace) -> Drawing:
    """Return the layers of a run.

    Raises:
        InputError: operators that have no place in a workload, all at once.
    """
    drawing = Drawing()
    problems: list[Problem] = []
    replaced = found_in(trace)
    for step in trace.steps:
        if step in replaced.inside or not _is_work(step):
            continue
        place = f"{trace.label}: {step.name}"
        try:
            for kept in step.kept.values():
                check_finite(kept, place, "its input")
            replaced.rules.get(step, RULES.get(step.kind.rule, RULES["constant"]))(step, drawing)
        except InputError as error:
            problems += error.problems
        except ValueError as error:
            said = str(error)
            said = said if step.what in said else f"{step.what}: {said}"
            problems.append(Problem(place, f"{said:.300}"))
    if problems:
        raise InputError(problems)
    return drawing


def _is_work(step: Step) -> bool:
    """Whether an operator depends on the network's input."""
    return any(made is not None and made.origin is Origin.MAP for made in step.made)
