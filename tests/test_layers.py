"""Who may import whom. Read from the source, so that an import inside a function or under
TYPE_CHECKING counts as well.

Each folder of archsim imports itself and the folders before it in `ORDER`, never one after it.
"""

import ast
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {"pandas", "networkx", "matplotlib", "safetensors", "rich", "torch"}
ORDER = {
    "formats": "a file format, a checked record or an error, with no meaning of its own",
    "workload": "a layer, the layer graph or its tensors",
    "arch": "an arch file, or a component that machines share",
    "machines": "a machine's rule, kernels and own components, or what rules share",
    "timing": "steps, plan, schedule or engine, for any machine",
    "results": "what a run counted: actions, energy, checks, the result and its files",
    "runs": "running, and what avoids running twice",
    "analysis": "results side by side, and figures",
    "paper": "the paper's printed values, and ours beside them",
    "cli": "a command",
}
"""The folders of archsim from the top down, and what belongs there."""
ROOT_FILES = {"__init__", "__main__", "version", "py.typed"}
NO_MACHINE = "shared"


def modules(package: str) -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imports(path: Path, *, at_start: bool = False) -> set[str]:
    """The modules that a file imports; with `at_start` those that importing the file imports."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for node in _started(tree) if at_start else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _started(tree: ast.AST) -> list[ast.AST]:
    """The nodes that run when the module is imported: no bodies of functions, nothing that stands
    under `if TYPE_CHECKING`."""
    nodes: list[ast.AST] = []
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        nodes += [child, *_started(child)]
    return nodes


def tops(names: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def folder_of(module: str) -> str:
    """The folder of archsim that a module lies in; empty for the package itself."""
    return module.split(".")[1] if module.count(".") else ""


def wrong_imports(module: str, imported: set[str]) -> list[str]:
    """What a module of archsim imports from a folder after its own, each with what to do."""
    order, own = list(ORDER), folder_of(module)
    return [
        f"{module} imports {other}, but {own}/ comes before {folder_of(other)}/; what both need "
        f"belongs in {own}/ ({ORDER[own]}) or before it, and what needs {folder_of(other)}/ "
        f"belongs there ({ORDER[folder_of(other)]})"
        for other in sorted(imported)
        if folder_of(other) in ORDER
        and other.startswith("archsim.")
        and order.index(folder_of(other)) > order.index(own)
    ]


def test_archsim_has_ten_folders_and_nothing_else():
    found = {path.name for path in (ROOT / "archsim").iterdir() if path.name != "__pycache__"}
    files = {f"{name}.py" for name in ROOT_FILES - {"py.typed"}} | {"py.typed"}
    assert found == set(ORDER) | files, "a file belongs in a folder: see ORDER in this test"


def test_a_folder_imports_only_those_before_it():
    wrong = [
        line
        for name, path in modules("archsim").items()
        if folder_of(name) in ORDER
        for line in wrong_imports(name, imports(path))
    ]
    assert not wrong, "\n".join(wrong)


def test_a_wrong_import_is_told_where_its_file_belongs():
    (line,) = wrong_imports("archsim.arch.arch", {"archsim.timing.steps", "archsim.formats.errors"})
    assert "arch/ comes before timing/" in line
    assert ORDER["timing"] in line


def test_a_machine_imports_no_other_machine():
    for name, path in modules("archsim/machines").items():
        own = name.split(".")[2] if name.count(".") > 1 else None
        others = {
            one.split(".")[2]
            for one in imports(path)
            if one.startswith("archsim.machines.") and one.count(".") > 1
        }
        allowed = {own, NO_MACHINE}
        assert others <= allowed, f"{name} imports {others - allowed}"


def test_sdalgo_imports_the_formats_and_nothing_else_of_archsim():
    for name, path in modules("archsim").items():
        assert not tops(imports(path)) & {"sdalgo", "torch"}, name
    for name, path in modules("sdalgo").items():
        wrong = {one for one in imports(path) if tops({one}) == {"archsim"}}
        wrong = {one for one in wrong if not one.startswith("archsim.formats")}
        assert not wrong, f"{name} imports {wrong}; sdalgo imports archsim.formats alone"


def test_simpy_is_imported_by_the_engine_alone():
    users = {name for name, path in modules("archsim").items() if "simpy" in tops(imports(path))}
    assert users == {"archsim.timing.engine"}


def test_matplotlib_is_imported_by_the_figures_alone():
    users = {
        name for name, path in modules("archsim").items() if "matplotlib" in tops(imports(path))
    }
    assert users
    figures = ("archsim.analysis.figures.", "archsim.paper.plots")
    assert all(name.startswith(figures) for name in users), users


def test_heavy_libraries_are_imported_where_they_are_used():
    for name, path in modules("archsim").items():
        wrong = tops(imports(path, at_start=True)) & HEAVY
        assert not wrong, f"{name} imports {wrong} when it is imported"


@pytest.mark.parametrize("package", ["archsim", "sdalgo"])
def test_imports_make_no_circle(package):
    """Imports inside functions and under TYPE_CHECKING count; a package's own `__init__` may name
    what it brings."""
    own = modules(package)
    graph = nx.DiGraph()
    for name, path in own.items():
        graph.add_edges_from(
            (name, other)
            for other in imports(path)
            if other in own and other != name and not name.startswith(f"{other}.")
        )
    circles = [sorted(found) for found in nx.strongly_connected_components(graph) if len(found) > 1]
    assert not circles, circles
