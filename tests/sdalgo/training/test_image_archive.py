"""CIFAR-10 as one file of JPEGs: what Pillow wrote comes back, and hostile files are refused."""

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

import sdalgo.cli.main
from archsim.formats.errors import InputError
from sdalgo.networks import network
from sdalgo.training.image_archive import jpeg_archive
from sdalgo.training.readers import READERS, as_imagenet


def jpeg(pixels, kind="JPEG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, quality=95)
    return buffer.getvalue()


def colours(count, seed, side=32):
    """Images of one colour each, which a JPEG keeps to within a step or two."""
    drawn = np.random.default_rng(seed).integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    return np.broadcast_to(drawn, (count, side, side, 3)).copy()


def arrays(train=40, test=10, classes=10):
    found = {}
    for part, count, seed in (("train", train, 1), ("test", test, 2)):
        files = [jpeg(pixels) for pixels in colours(count, seed)]
        found[f"{part}_jpeg"] = np.frombuffer(b"".join(files), np.uint8)
        found[f"{part}_ends"] = np.cumsum([len(file) for file in files])
        found[f"{part}_labels"] = (np.arange(count) % classes).astype(np.uint8)
    return found


def written(folder, **changes):
    path = folder / "images.npz"
    np.savez(path, **{k: v for k, v in (arrays() | changes).items() if v is not None})
    return path


def test_images_come_back_as_pillow_wrote_them(tmp_path):
    train, test = READERS["cifar10"](written(tmp_path), 32)
    assert (train.inputs.shape, test.inputs.shape) == ((40, 3, 32, 32), (10, 3, 32, 32))
    difference = train.inputs.int() - torch.from_numpy(colours(40, 1)).permute(0, 3, 1, 2).int()
    assert int(difference.abs().max()) <= 3
    assert train.labels.tolist() == [n % 10 for n in range(40)]
    assert (train.classes, test.classes) == (10, 10)


def test_imagenets_scale_is_the_one_of_each_channel():
    stored = torch.full((2, 3, 32, 32), 255, dtype=torch.uint8)
    found = as_imagenet(stored)
    wanted = (1 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    torch.testing.assert_close(found[0, :, 5, 7], torch.tensor(wanted, dtype=torch.float32))


BROKEN = {
    "no array train_labels": {"train_labels": None},
    "holds object": {"train_labels": np.array([1, "a"], object)},
    "holds float64, not whole": {"test_ends": np.linspace(1, 9, 10)},
    "holds uint16, not bytes": {"test_jpeg": np.zeros(9, np.uint16)},
    "one axis is needed": {"train_labels": np.zeros((40, 1), np.uint8)},
    "40 images and 3 labels": {"train_labels": np.zeros(3, np.uint8)},
    "not 0 .. 255": {"train_labels": np.full(40, -1)},
    "train_ends: does not rise": {"train_ends": arrays()["train_ends"][::-1]},
    "does not rise to the": {"train_ends": arrays()["train_ends"] + 1},
    "test_jpeg, image 0: cannot be read as a JPEG": {
        "test_jpeg": np.zeros_like(arrays()["test_jpeg"])
    },
    "label 10 of 10 classes": {"train_labels": np.full(40, 10, np.uint8)},
}


@pytest.mark.parametrize("message", BROKEN)
def test_what_is_no_such_archive_is_refused_with_its_place(tmp_path, message):
    with pytest.raises(InputError, match=message):
        READERS["cifar10"](written(tmp_path, **BROKEN[message]), 32)


@pytest.mark.parametrize(("side", "kind"), [(33, "JPEG"), (16, "JPEG"), (32, "PNG")])
def test_images_of_another_size_or_kind_are_refused(tmp_path, side, kind):
    files = [jpeg(pixels, kind) for pixels in colours(10, 2, side)]
    path = written(tmp_path, test_jpeg=np.frombuffer(b"".join(files), np.uint8),
                   test_ends=np.cumsum([len(file) for file in files]))  # fmt: skip
    with pytest.raises(InputError, match=r"test_jpeg, image 0: (is \d+x\d+ pixels|cannot be read)"):
        jpeg_archive(path)


@pytest.mark.parametrize("kept", [0, 3, 100, -1, -30, -400])
def test_a_file_that_ends_early_is_refused(tmp_path, kept):
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"images.npz.*cannot be read"):
        jpeg_archive(path)


@pytest.mark.parametrize("stride", range(40))
def test_a_changed_byte_is_refused_or_read_as_whole_images(tmp_path, stride):
    path = written(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) * stride // 40] ^= 0x55
    path.write_bytes(content)
    try:
        parts = jpeg_archive(path)
    except InputError:
        return
    assert [images.shape for images, _ in parts] == [(40, 3, 32, 32), (10, 3, 32, 32)]


def header_of(shape, descr="'|u1'"):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [(header_of("(10**15,)"), "not an array"), (header_of("(1000000000000000,)"), "do not fill"),
     (header_of("(-4,)"), "do not fill"), (header_of("(4,)", "'O'") + b"\0" * 32, "holds object"),
     (b"\x93NUMPY\x09\x00", "version"), (b"", "not an array"), (b"PK", "not an array")],
)  # fmt: skip
def test_an_array_that_claims_what_it_does_not_hold_is_refused(tmp_path, content, message):
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in arrays():
            archive.writestr(f"{name}.npy", content)
    with pytest.raises(InputError, match=f"train_jpeg: .*{message}"):
        jpeg_archive(path)


@pytest.mark.slow
def test_a_file_that_would_fill_the_memory_is_refused(tmp_path):
    path = tmp_path / "images.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in arrays():
            archive.writestr(f"{name}.npy", header_of(f"({80 * 2**20},)") + bytes(80 * 2**20))
    with pytest.raises(InputError, match="--max-gb"):
        jpeg_archive(path)


CONFIG = """
name: made
network: resnet20_cifar
data: {{kind: cifar10, folder: nowhere, size: 32, scale: imagenet}}
task: compression
arms: [VA]
batch: 8
pretrain: {{epochs: 0, lr: 0.1}}
train: {{epochs: {epochs}, lr: 0.01}}
"""


def test_the_command_takes_a_file_of_data_and_trained_weights(tmp_path, capsys):
    config, weights = tmp_path / "made.yaml", tmp_path / "weights.th"
    config.write_text(CONFIG.format(epochs=0))
    torch.manual_seed(3)
    state = network("resnet20_cifar").build().state_dict()
    named = {f"module.{name}": value for name, value in state.items() if "tracked" not in name}
    torch.save({"state_dict": named, "best_prec1": 91.7}, weights)
    command = ["train", str(config), "--data", str(written(tmp_path)), "--weights", str(weights),
               "--out", str(tmp_path / "runs"), "--quiet"]  # fmt: skip
    assert sdalgo.cli.main.main(command) == 0
    kept = torch.load(tmp_path / "runs" / "made" / "VA-0" / "best.pt", weights_only=True)
    assert all(torch.equal(kept[name], value) for name, value in state.items())
    torch.save({"state_dict": named | {"module.linear.weight": torch.zeros(10, 3)}}, weights)
    capsys.readouterr()
    assert sdalgo.cli.main.main([*command[:-2], str(tmp_path / "other"), "--quiet"]) == 2
    assert (
        "weights.th: not the weights of this CifarResNet: linear.weight" in capsys.readouterr().err
    )
    (tmp_path / "images.npz").write_bytes(b"PK\3\4 rubbish")
    assert sdalgo.cli.main.main(command) == 2
    assert "images.npz: cannot be read as an .npz file" in capsys.readouterr().err
