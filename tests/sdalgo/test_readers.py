"""Image folders and CamVid on made files, and mean intersection over union by hand."""

import numpy as np
import pytest

Image = pytest.importorskip("PIL.Image")

from archsim.formats.errors import InputError  # noqa: E402
from sdalgo.camvid import camvid, confusion, mean_iou  # noqa: E402
from sdalgo.image_folder import image_folder  # noqa: E402


def save(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


def test_an_image_folder_is_read_class_by_class(tmp_path):
    for name, value in (("b/1.png", 0), ("a/2.png", 255), ("a/deep/1.png", 128)):
        save(tmp_path / name, np.full((20, 30, 3), value))
    (tmp_path / "a" / "notes.txt").write_text("not an image")
    found = image_folder(tmp_path)
    assert found.classes == ("a", "b")
    assert found.labels == (0, 0, 1)
    (images, labels), (last, _) = found.batches((16, 16), 2)
    assert images.shape == (2, 3, 16, 16)
    assert labels.tolist() == [0, 0]
    # White, and black in red: (1 - mean) / deviation and -mean / deviation of ImageNet.
    assert images[0, 0].max() == pytest.approx((1 - 0.485) / 0.229, abs=1e-5)
    assert last[0, 0].min() == pytest.approx(-0.485 / 0.229, abs=1e-5)


def test_a_folder_without_images_or_with_a_broken_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        image_folder(tmp_path / "none")
    with pytest.raises(InputError, match="no images"):
        image_folder(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"\x89PNG but not really")
    with pytest.raises(InputError, match=r"1\.png"):
        next(image_folder(tmp_path).batches((8, 8), 1))


def test_camvid_pairs_images_with_labels(tmp_path):
    save(tmp_path / "val" / "x.png", np.zeros((4, 6, 3)))
    with pytest.raises(InputError, match="valannot"):
        camvid(tmp_path)
    (tmp_path / "valannot").mkdir()
    with pytest.raises(InputError, match="every image needs labels"):
        camvid(tmp_path)
    save(tmp_path / "valannot" / "x.png", np.arange(24).reshape(4, 6) % 12)
    image, labels = camvid(tmp_path).read(0)
    assert image.shape == (4, 6, 3)
    assert labels[1].tolist() == [6, 7, 8, 9, 10, 11]
    save(tmp_path / "valannot" / "x.png", np.full((4, 6), 12))
    with pytest.raises(InputError, match="above 11"):
        camvid(tmp_path).read(0)
    save(tmp_path / "valannot" / "x.png", np.zeros((4, 5)))
    with pytest.raises(InputError, match=r"\(4, 5\)"):
        camvid(tmp_path).read(0)


def test_mean_iou_by_hand():
    truth = np.array([0, 0, 1, 1, 2, 11])  # the last pixel is unlabelled
    guess = np.array([0, 1, 1, 1, 0, 5])
    counts = confusion(truth, guess)
    assert counts.sum() == 5
    # class 0: 1 of 3; class 1: 2 of 3; class 2: 0 of 1; the others occur in neither
    assert mean_iou(counts) == pytest.approx((1 / 3 + 2 / 3 + 0) / 3)
    assert mean_iou(confusion(truth[:2], truth[:2])) == 1.0
    with pytest.raises(InputError):
        confusion(truth, np.array([0, 1, 1, 1, 0, 11]))
