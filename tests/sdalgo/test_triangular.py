"""The factor of H^-1, and inverses of triangular matrices, against numpy's own."""

import numpy as np
import pytest

from sdalgo.activations import triangular


@pytest.mark.parametrize(("groups", "size"), [(1, 1), (3, 7), (1, 64), (2, 65), (1, 300)])
@pytest.mark.parametrize("wide", [0, 1536])
def test_it_is_the_factor_of_the_inverse(monkeypatch, groups, size, wide):
    monkeypatch.setattr(triangular, "_WIDE", wide)
    half = np.random.default_rng(0).standard_normal((groups, size, 2 * size))
    second = half @ half.transpose(0, 2, 1) / size + 0.1 * np.eye(size)
    found = triangular.upper_factor(second)
    assert not np.tril(found, -1).any()
    np.testing.assert_allclose(
        found.transpose(0, 2, 1) @ found @ second,
        np.broadcast_to(np.eye(size), second.shape), atol=1e-9,
    )  # fmt: skip
    lower = np.linalg.cholesky(second)
    inverse = triangular.inverse_of_lower(lower)
    np.testing.assert_allclose(
        inverse @ lower, np.broadcast_to(np.eye(size), second.shape), atol=1e-10
    )
