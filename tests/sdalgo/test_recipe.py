"""Recipes and ratios: bad files are told with their place, in the YAML dialect of all files."""

import pytest

from archsim.formats.errors import InputError
from sdalgo import ratios, recipe


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder in place of the package's own."""
    for kind in ("recipes", "ratios"):
        (tmp_path / kind).mkdir()
    monkeypatch.setattr(recipe, "_FOLDER", tmp_path)
    monkeypatch.setattr(ratios, "_FOLDER", tmp_path / "ratios")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("network: tiny\nabout: a\nthetta: 1\n",
         ["recipes/a.yaml:3:1: there is no key 'thetta'; did you mean 'theta'?"]),
        ("network: tiny\nabout: a\nname: b\n", ["recipes/a.yaml:3:1: there is no key 'name'"]),
        ("about: a\n", ["recipes/a.yaml:1:1: the key 'network' is missing"]),
        ("network: tiny\nabout: no\ntheta: small\n",
         ["recipes/a.yaml:3:8: theta: must be a number, not 'small'"]),
        ("network: tiny\nabout: a\nimages: 0\nchannels_kept: 0\n",
         ["recipes/a.yaml:3:9: images: must be at least 1, not 0",
          "recipes/a.yaml:4:16: channels_kept: must be more than 0, not 0"]),
        ("network: tiny\nabout: a\nabout: b\n",
         ["recipes/a.yaml:3:1: the key 'about' stands in line 2 already"]),
        ("network: tiny\nabout: a\npruned_density: 0.5\nweights_pruned: b\n",
         ["recipes/a.yaml:1:1: give pruned_density or weights_pruned, not both"]),
        ("- network\n", ["recipes/a.yaml:1:1: must be a mapping, not ['network']"]),
    ],
)  # fmt: skip
def test_a_wrong_recipe_is_told_with_its_place(shipped, text, lines):
    (shipped / "recipes" / "a.yaml").write_text(text)
    with pytest.raises(InputError) as refused:
        recipe.load_recipe("a")
    found = str(refused.value).splitlines()
    assert len(found) == len(lines)
    assert all(one.startswith(line) for one, line in zip(found, lines, strict=True))


def test_numbers_are_read_as_in_every_other_file(shipped):
    """YAML 1.1 reads 1e-3 as text, `no` as false and 010 as eight."""
    (shipped / "recipes" / "a.yaml").write_text(
        "network: no\nabout: yes\ntheta: 1e-3\nimages: 010\n"
    )
    found = recipe.load_recipe("a")
    assert (found.network, found.about, found.theta, found.images) == ("no", "yes", 1e-3, 10)
    assert found.name == "a"
    assert found.options().theta == 1e-3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("default: 0.5\nfc1: 1.5\n", "ratios/a.yaml:2:6: fc1: must be at most 1, not 1.5"),
        ("default: half\n", "ratios/a.yaml:1:10: default: must be a number, not 'half'"),
        ("0.5\n", "ratios/a.yaml:1:1: must be a mapping, not 0.5"),
    ],
)
def test_a_wrong_ratio_is_told_with_its_place(shipped, text, line):
    (shipped / "ratios" / "a.yaml").write_text(text)
    with pytest.raises(InputError) as refused:
        ratios.load_ratios("a")
    assert str(refused.value) == line


def test_an_unknown_name_comes_with_the_nearest():
    with pytest.raises(InputError, match=r"no recipe 'tinysd'; did you mean 'tiny_sd'\?"):
        recipe.load_recipe("tinysd")
    with pytest.raises(InputError, match="there is no list of ratios 'vgg12'; did you mean"):
        ratios.load_ratios("vgg12")


def test_ratios_are_by_layer(shipped):
    (shipped / "ratios" / "a.yaml").write_text("default: 1\n'010': 0.25\n")
    assert ratios.load_ratios("a") == {"default": 1.0, "010": 0.25}


def test_weights_are_pruned_by_one_share_or_layer_by_layer(shipped):
    (shipped / "recipes" / "a.yaml").write_text("network: n\nabout: a\npruned_density: 0.3\n")
    (shipped / "recipes" / "b.yaml").write_text("network: n\nabout: a\nweights_pruned: c\n")
    (shipped / "ratios" / "c.yaml").write_text("fc1: 0.9\ndefault: 0.25\n")
    assert recipe.load_recipe("a").pruning().weights_kept("fc1") == 0.3
    found = recipe.load_recipe("b").pruning()
    assert [found.weights_kept(name) for name in ("fc1", "fc2")] == pytest.approx([0.1, 0.75])
