"""Who may import whom. Read from the source, so that an import inside a function counts as well."""

import ast
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {"pandas", "networkx", "matplotlib", "safetensors", "rich", "torch"}


def modules(package: str) -> dict[str, Path]:
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted((ROOT / package).rglob("*.py"))
    }


def imports(path: Path, *, at_start: bool = False) -> set[str]:
    """The modules that a file imports; with `at_start` those that importing the file imports."""
    found: set[str] = set()
    nodes = (
        _started(ast.parse(path.read_text())) if at_start else ast.walk(ast.parse(path.read_text()))
    )
    for node in nodes:
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


def test_archsim_and_sdalgo_do_not_know_each_other():
    for name, path in modules("archsim").items():
        assert not tops(imports(path)) & {"sdalgo", "torch"}, name
    for name, path in modules("sdalgo").items():
        assert "archsim" not in tops(imports(path)), name


def test_simpy_is_imported_by_the_engine_alone():
    users = {name for name, path in modules("archsim").items() if "simpy" in tops(imports(path))}
    assert users
    assert all(name.startswith("archsim.engine") for name in users), users


def test_matplotlib_is_imported_by_the_figures_alone():
    users = {
        name for name, path in modules("archsim").items() if "matplotlib" in tops(imports(path))
    }
    assert "archsim.plots" in users
    assert all(name.startswith("archsim.plots") for name in users), users


@pytest.mark.parametrize("layer", ["components", "kernels", "machines"])
def test_hardware_knows_neither_time_nor_output(layer):
    above = (
        "archsim.engine",
        "archsim.simulation",
        "archsim.cli",
        "archsim.result",
        "archsim.plots",
        "archsim.trace",
        "archsim.results_store",
    )
    for name, path in modules(f"archsim/{layer}").items():
        wrong = {one for one in imports(path) if one.startswith(above)}
        assert not wrong, f"{name} imports {wrong}"


def test_only_the_command_line_imports_the_command_line():
    for name, path in modules("archsim").items():
        if name.startswith("archsim.cli") or name == "archsim.__main__":
            continue
        assert not {one for one in imports(path) if one.startswith("archsim.cli")}, name


def test_heavy_libraries_are_imported_where_they_are_used():
    for name, path in modules("archsim").items():
        wrong = tops(imports(path, at_start=True)) & HEAVY
        assert not wrong, f"{name} imports {wrong} when it is imported"


@pytest.mark.parametrize("package", ["archsim", "sdalgo"])
def test_imports_make_no_cycle(package):
    own = modules(package)
    graph = nx.DiGraph()
    for name, path in own.items():
        graph.add_edges_from(
            (name, other)
            for other in imports(path, at_start=True)
            if other in own and other not in {name, package}
        )
    assert list(nx.simple_cycles(graph)) == []
