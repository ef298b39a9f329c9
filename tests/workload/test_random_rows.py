"""Drawing many rows at once draws what row after row does, so that chunks never show."""

import numpy as np
import pytest

from archsim.workload.random_stream import random16, random_rows16


@pytest.mark.parametrize("entries", [1, 2, 9, 64, 75])
def test_rows_drawn_together_are_those_drawn_one_by_one(entries):
    together = random_rows16(np.random.default_rng(5), 7, entries)
    rng = np.random.default_rng(5)
    one_by_one = np.stack([random16(rng, (entries,)) for _ in range(7)])
    assert together.tolist() == one_by_one.tolist()
