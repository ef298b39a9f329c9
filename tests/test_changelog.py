"""The changelog knows the model whose numbers the golden results are."""

import json
import re
from pathlib import Path

from archsim.version import MODEL

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "runs" / "data" / "golden"


def test_every_model_version_has_a_line_and_none_is_ahead():
    said = re.findall(
        r"^- \*\*Model (\d+)\*\*: \S", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert sorted(map(int, said)) == list(range(1, MODEL + 1))


def test_golden_results_are_those_of_this_model():
    models = {path.stem: json.loads(path.read_text())["model"] for path in GOLDEN.glob("*.json")}
    assert models
    assert set(models.values()) == {MODEL}
