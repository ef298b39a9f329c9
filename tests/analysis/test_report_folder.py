"""What a page over results holds: the numbers of the results, and no markup but its own.

Oracles: the results' own values, read again from the page; sums that have to come out; HTML read by
Python's parser, which knows where a script ends.
"""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import small_results

from archsim.analysis.report.colours import on_dark
from archsim.analysis.report.contents import contents
from archsim.analysis.report.layers import JOINT
from archsim.analysis.report.page import page
from archsim.formats.errors import InputError
from archsim.results.store import Stored


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    found = small_results.results(tmp_path_factory.mktemp("networks"))
    return [Stored(*place, result) for place, result in found.items()]


class Scripts(HTMLParser):
    """The scripts of a page, and the tags outside them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.found, self.ended = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ended = False
        if tag == "script":
            self.found.append([dict(attrs), ""])

    def handle_endtag(self, _):
        self.ended = True

    def handle_data(self, data):
        if self.tags[-1:] == ["script"] and not self.ended:
            self.found[-1][1] += data


def shown(stored, library=""):
    return page(contents(stored, "diannao"), "A <b> & c", library).decode()


def test_the_numbers_of_a_page_are_those_of_the_results(stored):
    data = json.loads(Scripts(shown(stored)).found[0][1])
    assert [(run["group"], run["stem"]) for run in data["runs"]] == [
        (each.group, each.stem) for each in stored
    ]
    for run, each in zip(data["runs"], stored, strict=True):
        written = each.result.to_dict()
        for name, value in run["totals"].items():
            assert written["totals"][name] == value
        assert run["energy_by"] == written["totals"]["energy_by"]
        for at, layer in enumerate(written["layers"]):
            assert run["words"]["name"][at] == layer["name"]
            for name, values in run["counts"].items():
                value = layer
                for part in name.split(JOINT):
                    value = value.get(part, {} if part != name.split(JOINT)[-1] else 0)
                assert values[at] == (value or 0), name


def test_every_scalar_count_of_a_result_is_there(stored):
    """Read from the record itself, so that a new one cannot be forgotten."""
    data = contents(stored, "diannao")
    for run, each in zip(data["runs"], stored, strict=True):
        written = each.result.to_dict()
        scalars = {
            name for name, value in written["totals"].items() if isinstance(value, (int, float))
        }
        assert set(run["totals"]) == scalars >= {"cycles", "energy_pj", "dram_bytes"}
        layer = written["layers"][0]
        assert {n for n, v in layer.items() if isinstance(v, (int, float))} <= set(run["counts"])


def test_busy_lost_and_idle_of_a_page_are_the_run(stored):
    for run in contents(stored, "diannao")["runs"]:
        for name, instances in run["instances"].items():
            lost = sum(run["lost"].get(name, {}).values())
            spent = run["busy"].get(name, 0) + lost + run["idle"][name]
            assert spent == run["totals"]["cycles"] * instances
        assert run["array"] in run["instances"]


def test_parts_of_the_difference_of_two_machines_add_up(stored):
    results = {(each.group, each.stem): each.result for each in stored}
    data = contents(stored, "diannao")
    for group, pairs in data["pairs"].items():
        assert len(pairs) == 3 * 2
        for pair in pairs:
            a, b = results[group, pair["a"]], results[group, pair["b"]]
            assert pair["unlike"] == []
            for key in ("cycles", "energy_pj"):
                whole = sum(value for _, value in pair[key])
                assert whole == pytest.approx(getattr(b, key) - getattr(a, key), rel=1e-9)


def test_results_that_are_not_alike_are_not_held_against_each_other(stored):
    """A batch of 2 beside one of 1 says nothing of the machines."""
    one, two = stored[:2]
    other = Stored(two.group, two.stem, replace(two.result, batch=2, workload_hash="other"))
    (pair, _) = contents([one, other], "diannao")["pairs"]["one"]
    assert pair == {"a": "diannao", "b": "scnn", "unlike": ["batch 2, not 1"]}


def test_of_many_results_each_is_held_against_the_reference(stored):
    """The number of pairs grows with the results and not with their square."""
    many = [Stored("one", f"scnn@x={at}", stored[1].result) for at in range(9)]
    pairs = contents([stored[0], *many], "diannao")["pairs"]["one"]
    assert [(pair["a"], pair["b"]) for pair in pairs] == [("diannao", one.stem) for one in many]


def test_names_do_not_become_markup(stored):
    """Three scripts, whatever layers, notes, folders and the title are called."""
    evil = [replace(each, group=f"{each.group}{small_results.SCRIPT}") for each in stored]
    text = shown(evil)
    found = Scripts(text)
    kinds = [attrs.get("type") for attrs, _ in found.found]
    assert kinds == ["application/json", "module", "module"]
    assert found.tags.count("b") == 0
    assert found.tags.count("img") == 0
    assert json.loads(found.found[0][1])["runs"][0]["words"]["name"][0] == small_results.SCRIPT
    assert "<title>A &lt;b&gt; &amp; c</title>" in text


def test_a_name_that_is_a_place_of_the_page_stays_a_name(stored):
    evil = [replace(each, group="@PROGRAM@") for each in stored[:1]]
    data = json.loads(Scripts(shown(evil)).found[0][1])
    assert data["groups"] == ["@PROGRAM@"]


def test_the_same_results_are_the_same_bytes(stored):
    assert shown(stored) == shown([*stored])


def test_nothing_in_a_page_names_another_address(stored):
    """The program, the style and the frame; a namespace of SVG is a name that nobody opens."""
    text = shown(stored)
    assert "http://" not in text
    assert "https://" not in text
    assert "default-src 'none'" in text


def test_a_machine_that_was_changed_between_two_results_is_two_machines(stored):
    one, two = stored[0], stored[3]
    other = replace(two, result=replace(two.result, arch_hash="changed"))
    pages = contents([one, other], "diannao")["diagrams"]
    assert [(each["title"], each["groups"]) for each in pages] == [
        ("DianNao", ["one"]), ("DianNao [2]", ["two"]),
    ]  # fmt: skip


def test_the_values_of_a_machine_are_those_of_its_result(stored):
    resolved = stored[0].result.arch_resolved
    keys = contents(stored, "diannao")["diagrams"][0]["keys"]
    own = {(component, key): value for component, key, value in keys}
    for name, values in resolved["components"].items():
        assert {key for component, key in own if component == name} == set(values)
    assert own["dram", "bytes_per_cycle"] == str(resolved["components"]["dram"]["bytes_per_cycle"])


def test_every_part_of_every_run_has_a_colour(stored):
    data = contents(stored, "diannao")
    for run in data["runs"]:
        assert set(run["energy_by"]) <= set(data["colours"]["component"])
        assert set(run["dram_bytes_by"]) <= set(data["colours"]["flow"])
        causes = {cause for causes in run["lost"].values() for cause in causes}
        assert causes <= set(data["colours"]["cause"])


def test_dark_colours_are_seen_on_the_dark_page():
    """WCAG 2.2, 1.4.11: a contrast of 3 to 1 for what a figure is read by, of the darkest colours
    of the palette on the dark page, #16181c."""

    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for colour in ("#4d4d4d", "#1b1b1b", "#003c30", "#2a4d8f", "#8c2d04", "#0072b2"):
        assert (luminance(on_dark(colour)) + 0.05) / (luminance("#16181c") + 0.05) >= 3, colour


def no_array(resolved):
    for flow in resolved["flows"].values():
        flow["path"] = [] if flow["role"] == "result" else flow["path"]


def another_part(resolved):
    resolved["flows"]["input"]["path"][1] = "nothing"


def no_bandwidth(resolved):
    resolved["components"]["dram"]["bytes_per_cycle"] = "much"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (no_array, "no flow of results begins at a component that is counted"),
        (another_part, "the flow 'input' passes 'nothing', which the machine does not have"),
        (no_bandwidth, "'dram' has no bytes_per_cycle"),
    ],
)
def test_a_machine_that_was_changed_by_hand_is_refused(stored, change, said):
    resolved = json.loads(json.dumps(stored[0].result.arch_resolved))
    change(resolved)
    broken = replace(stored[0], result=replace(stored[0].result, arch_resolved=resolved))
    with pytest.raises(InputError, match=rf"one/diannao.json: {said}; run it again"):
        contents([broken], "diannao")


@pytest.mark.parametrize("amount", [1e101, 1e308, 10**400])
def test_numbers_too_large_to_be_added_are_refused(stored, amount):
    layers = [replace(layer, energy_pj=amount, energy_by={"dram": amount})
              for layer in stored[0].result.layers]  # fmt: skip
    broken = replace(stored[0], result=replace(stored[0].result, layers=tuple(layers)))
    with pytest.raises(InputError, match=r"one/diannao.json: energy_\w+(.dram)? is too large"):
        contents([broken], "diannao")


def test_notes_say_which_results_they_are_of_and_weights_whether_they_are_synthetic(stored):
    said = "weights: SYNTHETIC, not trained"
    noted = [replace(stored[0], result=replace(stored[0].result, notes=("n", said))), stored[1]]
    data = contents(noted, "diannao")
    assert [row["weights"] for row in data["provenance"]] == ["SYNTHETIC, not trained", ""]
    assert dict(data["notes"])[said] == ["one/diannao"]
    assert dict(data["notes"])[small_results.SCRIPT] == ["one/scnn"]


def test_five_machines_on_seven_networks_are_less_than_5_mb(stored):
    """35 results of 150 layers, as many as EfficientNet-B0 and DeepLabV3+ have on the machine with
    the most components, and a megabyte for the library (0.90 MB)."""
    one = stored[2].result
    deep = replace(one, layers=one.layers * 50)
    many = [Stored(f"n{at % 7}", f"m{at // 7}", deep) for at in range(35)]
    assert len(shown(many)) + 1_000_000 < 5_000_000
