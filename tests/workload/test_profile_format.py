"""What a profile may say: the records refuse what could not be drawn, and say why."""

import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from archsim.formats.profile_models import Profile
from archsim.workload.profile import draw

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "profile.md"

CLASS = {"channels": 2, "zero": 0.5, "values": [1]}


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ({"inputs": {}}, "Extra inputs are not permitted"),
        ({"input": {"classes": []}}, "at least 1 item"),
        ({"input": {"classes": [{**CLASS, "zero": 1.5}]}}, "less than or equal to 1"),
        ({"input": {"classes": [{**CLASS, "values": []}]}}, "needs values or negative"),
        ({"input": {"classes": [CLASS], "order": "0"}}, "names class '0' 1 times"),
        ({"input": {"classes": [CLASS], "order": "001"}}, "3 letters for 2 channels"),
        ({"input": {"classes": [CLASS], "order": "0 0"}}, "match pattern"),
        ({"input": {"classes": [CLASS], "dtype": "int32"}}, "'int8', 'uint8', 'int16' or 'uint16'"),
        (
            {"input": {"classes": [CLASS], "local": [{"share": 0.7}], "shared": {"share": 0.4}}},
            "more than 1",
        ),
        ({"input": {"classes": [CLASS], "shared": {"levels": [1, 0]}}}, "they rise"),
        ({"weight": {"live": 0.5, "channels": [0.5], "channel_order": "i"}}, "not both"),
        ({"weight": {"live": 0.5, "filter_order": "i"}}, "counted: true"),
        ({"weight": {"live": 0.5, "channel_order": ["i"]}}, "counted: true"),
        ({"weight": {"live": 0.5, "values": [-1]}}, "greater than or equal to 0"),
        ({"coef": {"rows": {"live": 0.5}, "nonzeros": [1]}}, "positive or negative codes"),
        ({"coef": {"rows": {"live": 0.5}, "nonzeros": []}}, "at least 1 item"),
        ({"coef": {"rows": {"live": 0.0}, "nonzeros": [1], "group": 0}}, "equal to 1"),
    ],
)
def test_a_profile_that_could_not_be_drawn_is_refused(profile, message):
    with pytest.raises(ValidationError, match=message):
        Profile.model_validate(profile)


def test_the_schema_is_json_and_names_every_section():
    schema = json.loads(json.dumps(Profile.model_json_schema()))
    assert set(schema["properties"]) == {"input", "weight", "pruned", "coef", "density"}


def test_the_example_of_the_page_is_legal_and_is_drawn():
    example = yaml.safe_load(PAGE.read_text().split("```yaml")[1].split("```")[0])["profile"]
    Profile.model_validate(example)
    shapes = {"input": (32, 9, 8), "pruned": (40, 10, 3, 3), "coef": (64, 10, 3, 3)}
    for what, shape in shapes.items():
        assert draw(example, what, shape, 0).any()


def test_the_page_lists_the_bin_edges():
    from archsim.formats.profile_values import EDGES

    text = " ".join(PAGE.read_text().split())
    assert ", ".join(str(edge) for edge in EDGES) in text
