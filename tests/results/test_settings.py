"""Names of results carry what was set, and no two settings have one name."""

from itertools import combinations

import pytest

from archsim.results.settings import (
    LONGEST,
    file_stem,
    machine_of,
    settings_in,
    settings_text,
    short_text,
)

SETTINGS = [
    {},
    {"batch": 8},
    {"batch": 8, "layers": "conv"},
    {"layers": "a,batch=8"},
    {"layers": "a"},
    {"layers": "a/b"},
    {"layers": "a%2Fb"},
    {"layers": "p*,add"},
    {"dram.bytes_per_cycle": 12.8},
    {"energy": ["units/a", "units/b"]},
    {"energy": "units/a"},
    {"flows.input.path": ["dram", "nfu"]},
    {"pe_slices.shared": True},
    {"layers": "x" * 300},
    {"layers": "x" * 299 + "y"},
]


def test_a_name_says_what_was_set_in_the_order_of_keys():
    assert file_stem("smartdeal", {}) == "smartdeal"
    one = {"dram.bytes_per_cycle": 8}
    assert file_stem("smartdeal", one) == "smartdeal@dram.bytes_per_cycle=8"
    two = {"pe_slices.sync": "lanes", "batch": 8}
    assert file_stem("smartdeal", two) == "smartdeal@batch=8,pe_slices.sync=lanes"
    assert settings_text(two) == "batch=8,pe_slices.sync=lanes"


def test_no_two_settings_have_one_name_and_each_is_legal_everywhere():
    names = [file_stem("m", one) for one in SETTINGS]
    for first, second in combinations(names, 2):
        assert first.casefold() != second.casefold()
    for name, one in zip(names, SETTINGS, strict=True):
        assert not set(name) & set('<>:"/\\|?*')
        assert name.isascii()
        assert len(name) <= len("m@") + LONGEST
        assert machine_of(name, one) == "m"


def test_a_renamed_file_keeps_its_name_whole():
    assert machine_of("mine", {"batch": 8}) == "mine"
    assert machine_of("a@b", {}) == "a@b"


@pytest.mark.parametrize(
    ("notes", "found"),
    [
        (("batch: 8 instead of 1",), {"batch": 8}),
        (("layers: convolutions only",), {"layers": "conv"}),
        (("layers: 3 of 17, those of p*,add", "weights: x"), {"layers": "p*,add"}),
        (("batch: large",), {}),
    ],
)
def test_notes_of_an_earlier_archsim_say_it_too(notes, found):
    assert settings_in(notes) == found


def test_a_label_that_has_no_room_counts_and_tells_apart():
    many = {f"part.key{at}": at for at in range(6)}
    label = short_text(many)
    assert label.startswith("part.key0=0, 5 more (")
    assert label != short_text({**many, "part.key5": 7})
