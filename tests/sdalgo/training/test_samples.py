"""Readers against files written here, and splits against what they promise."""

import gzip
import json

import numpy as np
import pytest
import torch
from made_data import pictures, write_digits, write_idx, write_set

from archsim.formats.errors import InputError
from sdalgo.training.readers import READERS, read_idx
from sdalgo.training.samples import Samples, by_class, crop_flip, halves, split
from sdalgo.training.texts import untagged


def test_idx_files_come_back_plain_and_gzipped(tmp_path):
    values = np.arange(2 * 3 * 5, dtype=np.uint8).reshape(2, 3, 5)
    write_idx(tmp_path / "a", values)
    assert (tmp_path / "a").read_bytes()[:16] == bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3,
                                                        0, 0, 0, 5])  # fmt: skip
    (tmp_path / "a.gz").write_bytes(gzip.compress((tmp_path / "a").read_bytes()))
    assert np.array_equal(read_idx(tmp_path / "a"), values)
    assert np.array_equal(read_idx(tmp_path / "a.gz"), values)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not an idx file"), (b"\0\0\x0d\1\0\0\0\1abcd", "not an idx file"),
     (b"\0\0\x08\1\0\0\0\2a", "do not fill"), (b"\0\0\x08\3\0\0", "do not fill")],
)  # fmt: skip
def test_damaged_idx_files_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{path}: .*{message}"):
        read_idx(path)


def test_missing_and_broken_gzip_files_are_refused_by_name(tmp_path):
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte.gz: cannot be read"):
        READERS["idx"](tmp_path, 28)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b rubbish")
    with pytest.raises(InputError, match="cannot be read"):
        READERS["idx"](tmp_path, 28)


def test_images_are_normalised_by_the_training_pixels_and_padded(tmp_path):
    train, test = READERS["idx"](write_set(tmp_path), 32)
    assert train.inputs.shape == (500, 1, 32, 32)
    assert test.classes == 10
    seen = train.prepare(train.inputs)
    assert abs(float(seen.mean())) < 1e-3
    assert abs(float(seen.std()) - 1) < 1e-3
    images, labels = pictures(500, 1)
    assert np.array_equal(train.inputs[:, 0, 2:-2, 2:-2].numpy(), images)
    assert np.array_equal(train.labels.numpy(), labels)
    with pytest.raises(InputError, match="28x28 do not fit"):
        READERS["idx"](tmp_path, 20)


@pytest.mark.parametrize(("kind", "label_bytes"), [("cifar10", 1), ("cifar100", 2)])
def test_binary_cifar_is_read(tmp_path, kind, label_bytes):
    generator = np.random.default_rng(0)
    records = generator.integers(0, 10, (20, label_bytes + 3072), dtype=np.uint8)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] if kind == "cifar10" else ["train.bin"]
    for name, part in zip(names, np.array_split(records[:15], len(names)), strict=True):
        (tmp_path / name).write_bytes(part.tobytes())
    last = "test_batch.bin" if kind == "cifar10" else "test.bin"
    (tmp_path / last).write_bytes(records[15:].tobytes())
    train, test = READERS[kind](tmp_path, 32)
    assert np.array_equal(train.labels.numpy(), records[:15, label_bytes - 1])
    assert np.array_equal(train.inputs.numpy().reshape(15, -1), records[:15, label_bytes:])
    assert len(test) == 5
    (tmp_path / last).write_bytes(bytes([100] * label_bytes + [0] * 3072))
    with pytest.raises(InputError, match=r"label 100 of 100? classes"):
        READERS[kind](tmp_path, 32)
    (tmp_path / last).write_bytes(b"")
    with pytest.raises(InputError, match="holds no image"):
        READERS[kind](tmp_path, 32)
    (tmp_path / last).write_bytes(b"short")
    with pytest.raises(InputError, match="no whole records"):
        READERS[kind](tmp_path, 32)


def test_text_becomes_windows_whose_labels_are_the_next_characters(tmp_path):
    (tmp_path / "a.txt").write_text("the cat sat on the mat. " * 40)
    train, test = READERS["text"](tmp_path, 12)
    assert torch.equal(train.inputs[0, 1:].long(), train.labels[0, :-1])
    assert int(train.labels[0, -1]) == int(train.inputs[1, 0])
    assert train.prepare(train.inputs[:2]).shape == (2, 12, 50)
    assert len(train) + len(test) == (24 * 40 - 1) // 12
    with pytest.raises(InputError, match="fewer than 20 windows"):
        READERS["text"](tmp_path, 500)


def test_digits_of_the_npm_package_come_back_to_the_byte(tmp_path):
    counts = [5, 7, 6, 5, 9, 5, 6, 4, 2, 1]
    pixels = write_digits(tmp_path, counts)
    train, test = READERS["digits_json"](tmp_path, 28)
    assert (len(train), len(test)) == (40, 10)
    for digit in range(10):
        parts = [part.inputs[part.labels == digit] for part in (train, test)]
        rows = sorted(bytes(row) for row in torch.cat(parts).reshape(-1, 784).numpy())
        assert rows == sorted(bytes(row) for row in pixels[digit].astype(np.uint8).reshape(-1, 784))
    again = READERS["digits_json"](tmp_path, 28)[1]
    assert torch.equal(test.inputs, again.inputs)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{}", "not images of 28x28"), ("[1]", "not images of 28x28"), ("{", "not images of 28x28"),
     ('{"data": [0, 1]}', "not images of 28x28"), ('{"data": []}', "not 0 .. 1"),
     (json.dumps({"data": [2.0] * 784}), "not 0 .. 1"),
     (json.dumps({"data": [float("nan")] * 784}), "not 0 .. 1")],
)  # fmt: skip
def test_damaged_digit_files_are_refused_by_name(tmp_path, text, message):
    write_digits(tmp_path, [1] * 10)
    (tmp_path / "4.json").write_text(text)
    with pytest.raises(InputError, match=rf"4.json: .*{message}"):
        READERS["digits_json"](tmp_path, 28)
    (tmp_path / "4.json").unlink()
    with pytest.raises(InputError, match=r"4.json: cannot be read"):
        READERS["digits_json"](tmp_path, 28)


def test_brown_files_lose_their_tags_and_nothing_else(tmp_path):
    tagged = "\n\n\tThe/at jury/nn said/vbd 1/2/cd ,/, ``/`` no/at ''/'' ./.\n\nYes/rb ./.\n"
    (tmp_path / "ca01").write_text(tagged)
    assert untagged(tmp_path / "ca01") == "The jury said 1/2 , `` no '' .\nYes ."
    (tmp_path / "README").write_text("not a part of the text")
    (tmp_path / "cb02").write_text(tagged * 20)
    train, test = READERS["brown"](tmp_path, 10)
    assert len(train) + len(test) == (len("The jury said 1/2 , `` no '' .\nYes .\n") * 21 - 2) // 10
    (tmp_path / "cb02").write_text("The/at jury said/vbd\n")
    with pytest.raises(InputError, match=r"cb02:1: 'jury' has no /tag"):
        READERS["brown"](tmp_path, 10)
    with pytest.raises(InputError, match="no file of the Brown corpus"):
        READERS["brown"](tmp_path / "nowhere", 10)


def made():
    labels = torch.arange(200) % 10
    return Samples(inputs=torch.arange(200).to(torch.uint8)[:, None], labels=labels,
                   prepare=lambda x: x.float(), classes=10)  # fmt: skip


def numbers(samples):
    return set(samples.inputs[:, 0].tolist())


def test_halves_share_nothing_and_leave_nothing_out():
    source, target = halves(made(), made(), 0.1, 3)
    parts = [numbers(p) for s in (source, target) for p in (s.train, s.validation)]
    assert sorted(x for part in parts for x in part) == list(range(200))
    assert [len(part) for part in parts] == [90, 10, 90, 10]
    assert numbers(halves(made(), made(), 0.1, 4)[1].train) != parts[2]
    assert len(target.test) == 200


def test_classes_are_split_relabelled_and_tested_apart():
    source, target = by_class(made(), made(), 0.1, 0)
    for part in (source, target):
        assert set(part.train.labels.tolist()) == set(range(5))
        assert len(part.test) == 100
    old = [{x % 10 for x in numbers(p.train)} for p in (source, target)]
    assert len(old[0]) == len(old[1]) == 5
    assert not old[0] & old[1]
    assert {x % 10 for x in numbers(target.test)} == old[1]
    ninety, ten = by_class(made(), made(), 0.1, 0, 0.9)
    assert (ninety.classes, ten.classes) == (9, 1)
    with pytest.raises(InputError, match="leaves one part empty"):
        by_class(made(), made(), 0.1, 0, 0.99)


def test_a_split_is_its_seed():
    for part, same in zip(split(50, 0.3, 5), split(50, 0.3, 5), strict=True):
        assert np.array_equal(part, same)


def test_shuffled_batches_hold_every_sample_once():
    batches = list(made().shuffled(33, np.random.default_rng(0)))
    assert sorted(int(v) for x, _ in batches for v in x) == list(range(200))
    assert [len(y) for _, y in batches] == [33] * 6 + [2]
    # a last batch of one has no variance to normalise by
    assert sum(len(y) for _, y in made().shuffled(199, np.random.default_rng(0))) == 199


def test_a_crop_is_that_of_a_loop_over_pixels():
    images = torch.randint(0, 256, (6, 2, 5, 7), dtype=torch.uint8)
    moved = crop_flip(images, np.random.default_rng(4))
    drawn = np.random.default_rng(4)
    moves, mirrored = drawn.integers(0, 9, (6, 2)) - 4, drawn.random(6) < 0.5
    for n, channel, row, column in np.ndindex(*images.shape):
        y = row + moves[n, 0]
        x = (6 - column if mirrored[n] else column) + moves[n, 1]
        inside = 0 <= y < 5 and 0 <= x < 7
        expected = images[n, channel, y, x] if inside else 0
        assert moved[n, channel, row, column] == expected


def test_crops_are_shifted_copies_and_half_of_them_mirrored():
    image = torch.zeros(400, 1, 9, 9, dtype=torch.uint8)
    image[:, 0, 4, 4], image[:, 0, 4, 5] = 1, 2
    moved = crop_flip(image, np.random.default_rng(0))
    rows = moved.sum(dim=(1, 3)).argmax(1)
    columns = (moved == 1).float().sum(dim=(1, 2)).argmax(1)
    whole = (moved == 1).any(dim=(1, 2, 3))
    assert set(rows[whole].tolist()) == set(range(9))
    assert set(columns[whole].tolist()) == set(range(9))
    right = sum(int((m[0, r, c + 1:] == 2).any()) for m, r, c in zip(moved, rows, columns,
                                                                     strict=True))  # fmt: skip
    assert 130 < right < 230
