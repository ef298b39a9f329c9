"""Tests of the Verilog: they need Icarus Verilog, and say so where it is missing."""

import os
import shutil

import pytest


def pytest_runtest_setup(item):
    if shutil.which("iverilog") is None and "rtl" in item.path.parts[-2:]:
        if os.environ.get("RTL_REQUIRED") == "1":
            pytest.fail("RTL_REQUIRED=1, and iverilog is not installed: apt-get install iverilog")
        pytest.skip("needs iverilog: apt-get install iverilog")
