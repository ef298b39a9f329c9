"""The factor of H^-1, and inverses of triangular matrices, against numpy's own."""

import numpy as np
import pytest

from sdalgo.activations import triangular


@pytest.mark.parametrize(("groups", "size"), [(1, 1), (3, 7), (1, 64), (2, 65), (1, 300)])
@pytest.mark.parametrize(("wide", "near"), [(0, 1e-4), (1536, 1e-9)])
def test_it_is_the_factor_of_the_inverse(monkeypatch, groups, size, wide, near):
    monkeypatch.setattr(triangular, "_WIDE", wide)
    half = np.random.default_rng(0).standard_normal((groups, size, 2 * size))
    second = half @ half.transpose(0, 2, 1) / size + 0.1 * np.eye(size)
    found = triangular.upper_factor(second)
    assert not np.tril(found, -1).any()
    np.testing.assert_allclose(
        found.transpose(0, 2, 1) @ found @ second,
        np.broadcast_to(np.eye(size), second.shape), atol=near,
    )  # fmt: skip
    lower = np.linalg.cholesky(second)
    inverse = triangular.inverse_of_lower(lower)
    np.testing.assert_allclose(
        inverse @ lower, np.broadcast_to(np.eye(size), second.shape), atol=1e-10
    )


def test_what_float32_takes_for_singular_is_factored_in_double(monkeypatch):
    monkeypatch.setattr(triangular, "_WIDE", 0)
    line = np.ones((1, 80, 1))
    second = line @ line.transpose(0, 2, 1) + 1e-9 * np.eye(80)
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(second.astype(np.float32))
    found = triangular.upper_factor(second)
    np.testing.assert_allclose(
        found.transpose(0, 2, 1) @ found @ second, np.eye(80)[None], atol=1e-5
    )
