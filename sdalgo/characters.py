"""Characters for a language model: drawn by the frequencies of English letters, one-hot."""

import numpy as np
from numpy.typing import NDArray

ABOUT = "characters drawn by English letter frequencies, seed 0"

# Percent of letters in English text, a to z (Lewand, Cryptological Mathematics, 2000).
_LETTERS = (
    8.167, 1.492, 2.782, 4.253, 12.702, 2.228, 2.015, 6.094, 6.966, 0.153, 0.772, 4.025, 2.406,
    6.749, 7.507, 1.929, 0.095, 5.987, 6.327, 9.056, 2.758, 0.978, 2.360, 0.150, 1.974, 0.074,
)  # fmt: skip
_SPACE = 18.0  # one character in five or six is a space


def one_hot(steps: int, kinds: int, count: int) -> NDArray[np.float32]:
    """Return (count, steps, kinds); the kinds past a to z and space do not occur."""
    weights = np.zeros(kinds)
    known = min(kinds, 27)
    weights[:known] = [*_LETTERS, _SPACE][:known]
    generator = np.random.default_rng(0)
    drawn = generator.choice(kinds, (count, steps), p=weights / weights.sum())
    return np.eye(kinds, dtype=np.float32)[drawn]
