"""A folder of real results of two tiny networks on three machines, with names that would break out
of a page or be computed by a spreadsheet."""

from dataclasses import replace

from tiny_networks import conv, linear, network, run

from archsim.results.store import Stored, save

MACHINES = ("diannao", "scnn", "smartdeal")
SCRIPT = "</script><script>document.title='taken'</script>"
IMAGE = '<img src="x" onerror="document.title=1">'
FORMULA = '=1+1,"two"'
NETWORKS = {
    "one": [
        conv("a", [], (8, 16), (12, 12)),
        conv("b", ["a"], (16, 16), (10, 10)),
        linear("c", ["b"], (1024, 10)),
    ],
    "two": [conv("a", [], (4, 8), (16, 16)), conv("b", ["a"], (8, 24), (14, 14))],
}
RENAMED = {"a": SCRIPT, "b": IMAGE, "c": FORMULA}
"""What the layers of the first network are called."""


def results(folder):
    """Results by (group, stem), not written anywhere; networks lie in `folder`."""
    found = {}
    for group, layers in NETWORKS.items():
        (folder / group).mkdir(parents=True)
        loaded = network(folder / group, *layers)
        for stem in MACHINES:
            result = run(stem, loaded, {})
            if group == "one":
                named = [replace(one, name=RENAMED[one.name]) for one in result.layers]
                result = replace(result, layers=tuple(named), notes=(SCRIPT, *result.notes))
            found[group, stem] = replace(result, workload=group)
    return found


def write(out, found):
    """The results as a folder of them."""
    for (group, stem), result in found.items():
        save(out, Stored(group, stem, result))
    return out
