"""Commands that are killed after a call that changes a folder: run again, they end like any other.

The oracle is an undisturbed run: no file has content that it never had there, and in the end all
have the same. `make kills` tries every call and random times.
"""

import random

import pytest
from killed_commands import Trial
from slow_cases import slow_where
from small_commands import write_inputs

POINTS = 3
CALLS = {"decompose": 3, "decode": 3, "compare": 50, "run": 50, "plot": 25, "build": 20}
"""About how many calls a command makes; a training's are tried one by one beside its code."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("kills") / "inputs")


@pytest.mark.parametrize("name", slow_where({"build", "plot", "compare"}.__contains__, CALLS))
def test_a_command_that_was_killed_ends_like_one_that_was_not(name, inputs, tmp_path):
    trial = Trial(name, inputs, tmp_path / "work")
    for count in sorted(random.Random(name).sample(range(1, CALLS[name] + 1), POINTS)):
        verdict = trial.after_call(count)
        assert verdict is not None, f"fewer than {count} calls"
        assert verdict.faults == [], f"after call {count}"
