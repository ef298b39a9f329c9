"""YAML 1.2 readings, places, and what is refused."""

from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loading_files import problems, write

from archsim.formats import yaml12
from archsim.formats.errors import InputError
from archsim.formats.source import decoded, in_file_order, nearest, read, unknown
from archsim.formats.yaml12 import Document


def value_of(text: str) -> object:
    return Document("FILE", text).value


def message_of(text: str) -> str:
    with pytest.raises(InputError) as caught:
        Document("FILE", text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-9", 1e-9),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("-0.25", -0.25),
        ("no", "no"),
        ("off", "off"),
        ("yes", "yes"),
        ("True", True),
        ("false", False),
        ("~", None),
        ("null", None),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("+12", 12),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2001-12-14", "2001-12-14"),
        ("'12'", "12"),
        ('"no"', "no"),
        ("1.5.2", "1.5.2"),
        ("<<", "<<"),
        ("0b11", "0b11"),
        ("-.inf", -math.inf),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    read_value = value_of(f"key: {text}")["key"]  # type: ignore[index]
    assert read_value == value
    assert type(read_value) is type(value)


def test_not_a_number_is_read_as_such() -> None:
    assert math.isnan(value_of(".nan"))  # type: ignore[arg-type]


plain_text = st.text(
    st.characters(
        min_codepoint=32,
        max_codepoint=0x2FF,
        exclude_characters="\x7f" + "".join(map(chr, range(0x80, 0xA0))),
    ),
    max_size=20,
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | plain_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain_text, inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=80)
@given(json_values)
def test_json_is_read_as_json_reads_it(value: object) -> None:
    assert value_of(json.dumps(value)) == json.loads(json.dumps(value))


@settings(max_examples=120)
@given(st.text(st.sampled_from("ab:-{}[],&*!#|>'\"% \n\t0.?"), max_size=40))
def test_any_text_is_a_value_or_an_input_error(text: str) -> None:
    try:
        Document("FILE", text)
    except InputError as error:
        places = [problem.place for problem in error.problems]
    else:
        places = ["FILE:1:1"]
    assert all(re.fullmatch(r"FILE:[0-9]+:[0-9]+", place) for place in places)


def test_every_part_knows_its_place() -> None:
    document = Document("FILE", "a: 1\nb:\n  - {c: [2, 3]}\n  - x\n")
    assert document.place("a") == "FILE:1:4"
    assert document.key_place("b") == "FILE:2:1"
    assert document.place("b", 0, "c", 1) == "FILE:3:13"
    assert document.place("b", 1) == "FILE:4:5"
    assert document.place("b", 0, "missing") == "FILE:3:5"


def test_keys_are_text_and_values_keep_their_type() -> None:
    assert value_of("{1: 1, true: true}") == {"1": 1, "true": True}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "FILE:1:1: the file is empty"),
        ("# nothing\n", "FILE:1:1: the file is empty"),
        (
            "a: &x 1\nb: *x\n",
            "FILE:1:4: anchors (&) and aliases (*) are not read here; write the value out",
        ),
        (
            "a: *x\n",
            "FILE:1:4: anchors (&) and aliases (*) are not read here; write the value out",
        ),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "FILE:1:4: tags are not read here; leave out "
            "'tag:yaml.org,2002:python/object/apply:os.system'",
        ),
        ("a: 1\n---\nb: 2\n", "FILE:2:1: a second document; a file holds one"),
        ("a: 1\nb: 2\na: 3\n", "FILE:3:1: the key 'a' stands in line 1 already"),
        ("? [1, 2]\n: 3\n", "FILE:1:3: a key must be text, not a list or a mapping"),
        ("[" * 30 + "]" * 30, "FILE:1:25: nested deeper than 24 levels"),
        (
            "a: [1, 2\nb: 3\n",
            "FILE:2:2: this is not YAML: did not find expected ',' or ']' while parsing a flow "
            "sequence",
        ),
        (
            "a: b: c\n",
            "FILE:1:5: this is not YAML: mapping values are not allowed in this context",
        ),
    ],
)
def test_what_is_refused_says_where_and_why(text: str, message: str) -> None:
    assert message_of(text) == message


def test_all_repeated_keys_are_named_at_once() -> None:
    assert message_of("a: 1\na: 2\nb: {c: 1, c: 2}\n").split("\n") == [
        "FILE:2:1: the key 'a' stands in line 1 already",
        "FILE:3:11: the key 'c' stands in line 3 already",
    ]


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor() -> None:
    lines = ["a0: &a0 [x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert message_of("\n".join(lines)) == (
        "FILE:1:5: anchors (&) and aliases (*) are not read here; write the value out"
    )


def test_more_values_than_any_file_of_ours_has(monkeypatch) -> None:
    assert yaml12.MAX_VALUES == 2_000_000
    monkeypatch.setattr(yaml12, "MAX_VALUES", 20_000)
    assert message_of("[" + "0," * 20_000 + "]") == (
        "FILE:1:40000: more than 20,000 values; no YAML of ours has so many"
    )


def test_files_that_are_no_text(tmp_path) -> None:
    missing = tmp_path / "none.yaml"
    assert problems(read, missing) == ["FILE: there is no such file"]
    assert problems(read, tmp_path) == ["FILE: is a folder, not a YAML file"]
    binary = write(tmp_path, "b.yaml", b"name: a\nkey: \xff\n")
    assert problems(read, binary) == ["FILE:2:6: byte 0xff is not UTF-8 text"]
    control = write(tmp_path, "c.yaml", b"a: 1\nb: \x01\n")
    assert problems(read, control) == ["FILE:2:4: the control character U+0001 is not text"]
    large = write(tmp_path, "l.yaml", b"#" * (2**24 + 1))
    assert problems(read, large) == ["FILE: is larger than 16 MB; no YAML of ours is"]


def test_a_byte_order_mark_is_no_text() -> None:
    assert decoded("\ufeffa: 1".encode(), "FILE") == "a: 1"


def test_the_nearest_name() -> None:
    assert nearest("dma", ["Dma", "Dram"]) == "Dma"
    assert nearest("zzz", ["Dma", "Dram"]) is None
    assert unknown("class", "Dmaa", ["Dma", "Bus"]) == (
        "there is no class 'Dmaa'; did you mean 'Dma'? legal: Dma, Bus"
    )
    assert unknown("class", "x", []) == "there is no class 'x'; legal: none"


def test_problems_come_in_the_order_of_the_file() -> None:
    from archsim.formats.errors import Problem

    later, first, whole = Problem("f:12:1", "b"), Problem("f:2:7", "a"), Problem("f", "c")
    assert in_file_order([later, first, whole, first]) == [whole, first, later]


@pytest.mark.parametrize(
    ("text", "place"),
    [("a:\n\tb: 1\n", "2:1"), ("a:\n  b: 1\n  \tc: 1\n", "3:3"), ("a:\n  - 1\n\t- 2\n", "3:1")],
)
def test_a_tab_is_called_a_tab(text, place) -> None:
    with pytest.raises(InputError, match=rf"f:{place}: a tab; YAML is indented with spaces alone"):
        Document("f", text)
