"""Rivals that train: each starts from the same trained network and has the same two epochs.

Reading order: method, loop, task, harness; stored and quantisers; then a method a file
(docs/rivals_trained.md).
"""

from sdalgo.rivals.trained.harness import rows

__all__ = ["rows"]
