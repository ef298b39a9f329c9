"""The version of archsim and sdalgo, which the build reads, and that of the model; every result
carries both."""

VERSION = "0.1.0"
MODEL = 7
"""Raised whenever numbers of a run change, with a line under "Model versions" in CHANGELOG.md."""
