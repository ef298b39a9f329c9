"""Text as windows of characters for a language model (paper VI-B), from files already there.

`text`: any text file, or a folder of them. `brown`: the tagged Brown corpus, its tags removed.
"""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsim.formats.errors import InputError
from sdalgo.training.files import content
from sdalgo.training.samples import Samples

SYMBOLS = 50  # of the character-level Penn Treebank
_BROWN_FILE = re.compile(r"c[a-r]\d\d")


def text_windows(path: Path, size: int) -> tuple[Samples, Samples]:
    """Read a text, or all files of a folder in the order of their names.

    Args:
        path: the file or the folder.
        size: characters in a window.
    """
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return windows(path, "\n".join(_text(file) for file in files), size)


def brown_windows(folder: Path, size: int) -> tuple[Samples, Samples]:
    """Read the 500 files ca01 .. cr09, or those of them that are there; a sentence a line.

    Neighbouring files are of one kind (press, religion, fiction), so they are taken in an order
    that seed 0 draws: the end of the text, which tests, is then of all kinds.

    Raises:
        InputError: there is none, or a word is without its tag.
    """
    found = sorted(path for path in folder.glob("c*") if _BROWN_FILE.fullmatch(path.name))
    if not found:
        raise InputError.at(folder, "holds no file of the Brown corpus (ca01 .. cr09)")
    order = np.random.default_rng(0).permutation(len(found))
    return windows(folder, "\n".join(untagged(found[i]) for i in order), size)


def untagged(path: Path) -> str:
    """Return the sentences of a Brown file, one a line, each `word/tag` without its tag."""
    lines = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        words = line.split()
        for word in words:
            if "/" not in word:
                raise InputError.at(f"{path}:{number}", f"{word!r} has no /tag")
        if words:
            lines.append(" ".join(word.rsplit("/", 1)[0] for word in words))
    return "\n".join(lines)


def windows(place: Path, text: str, size: int) -> tuple[Samples, Samples]:
    """Cut a text into windows of `size` characters; the label is the character after each.

    The 49 commonest characters keep their own number and the others share the last one. The last
    tenth of the text is for testing.

    Raises:
        InputError: the text is short.
    """
    common = sorted(Counter(text).items(), key=lambda pair: (-pair[1], pair[0]))[: SYMBOLS - 1]
    number = {character: i for i, (character, _) in enumerate(common)}
    codes = np.array([number.get(character, SYMBOLS - 1) for character in text], np.uint8)
    count = (len(codes) - 1) // size
    if count < 20:
        raise InputError.at(place, f"{len(codes)} characters are fewer than 20 windows of {size}")
    inputs = codes[: count * size].reshape(count, size)
    labels = codes[1 : count * size + 1].reshape(count, size)
    cut = count - count // 10
    train, test = (_samples(inputs[part], labels[part]) for part in (slice(cut), slice(cut, None)))
    return train, test


def _samples(inputs: NDArray[np.uint8], labels: NDArray[np.uint8]) -> Samples:
    def prepare(stored: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(stored.long(), SYMBOLS).to(torch.float32)

    return Samples(
        inputs=torch.from_numpy(inputs.copy()),
        labels=torch.from_numpy(labels.astype(np.int64)),
        prepare=prepare,
        classes=SYMBOLS,
    )


def _text(path: Path) -> str:
    return content(path).decode("utf-8", errors="replace")
