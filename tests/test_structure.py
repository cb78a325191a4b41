"""The package is built as CONTRIBUTING.md says: one direction of imports, one importer of each."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "npstack").rglob("*.py"))
}
FOREIGN = {"torch", "keras", "tensorflow", "jax", "onnx", "onnxruntime", "pytest", "hypothesis"}
STILL_LONG: set[str] = set()
TRANSCENDENTAL = re.compile(
    r"(np|numpy|math|cmath|scipy)\.\w*(exp|expm1|log|log1p|log2|log10|sin|cos|tan|tanh|sinh|cosh)\b"
)


def imports(module: str, lazy: bool = True) -> set[str]:
    """Every module that a module imports; with ``lazy=False`` at its top level only."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if lazy else iter(tree.body)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {part if part in MODULES else str(node.module) for part in parts}
    return found


def rooms() -> list[list[str]]:
    """The map in CONTRIBUTING.md: the modules and packages of each line, from the first down."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    cells = [re.findall(r"`([\w/]+)`", line.split("|")[1]) for line in lines]
    return [[name.rstrip("/") for name in cell] for cell in cells if cell]


def place(module: str) -> int:
    """On which line of the map a module stands."""
    parts = module.split(".")[1:]
    for line, names in enumerate(rooms()):
        if parts and parts[0] in names:
            return line
    raise AssertionError(f"{module} is not on the map in CONTRIBUTING.md")


PLACED = [
    name for name in MODULES if name.count(".") and not name.endswith(("version", "__main__"))
]


@pytest.mark.parametrize("module", PLACED)
def test_module_imports_only_from_lines_above_its_own(module):
    for other in imports(module):
        if other in PLACED:
            assert place(other) <= place(module), f"{module} imports {other} from below"


def test_no_circle_of_imports():
    within = {name: imports(name, lazy=False) & set(PLACED) - {name} for name in PLACED}
    while within:
        free = {name for name, needed in within.items() if not needed & within.keys()}
        assert free, f"these import one another in a circle: {sorted(within)}"
        within = {name: needed for name, needed in within.items() if name not in free}


def test_only_plots_imports_matplotlib():
    drawing = {name for name in MODULES if any(i.startswith("matplotlib") for i in imports(name))}
    assert drawing
    assert all(name.startswith("npstack.plots") for name in drawing)


def test_no_framework_and_no_test_tool_inside():
    for module in MODULES:
        assert not {name.split(".")[0] for name in imports(module)} & FOREIGN, module


def test_only_numerics_calls_transcendental_functions():
    # The scalar oracle stands apart on purpose: the standard library's math, no code shared. In
    # plots logarithms place the ticks of an axis; no number of a model passes through.
    apart = ("npstack.numerics", "npstack.verify.oracle", "npstack.plots")
    for module, path in MODULES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
        found = sorted(call for call in calls if TRANSCENDENTAL.fullmatch(call))
        assert not found or module.startswith(apart), (module, found)


def test_import_loads_numpy_only():
    code = "import sys, npstack; print(*{name.split('.')[0] for name in sys.modules})"
    run = [sys.executable, "-c", code]
    loaded = set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())
    assert "numpy" in loaded
    assert not loaded & (FOREIGN | {"matplotlib", "mpmath", "tqdm", "scipy"})


def test_cell_layer_and_stack_are_short_enough_to_read():
    files = ("cells.lstm", "layers.recurrent", "stack")
    lines = [MODULES[f"npstack.{name}"].read_text().count("\n") for name in files]
    assert sum(lines) < 600


def test_no_python_file_is_over_350_lines():
    command = ["git", "ls-files", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in listed.splitlines()}
    assert {name for name, text in texts.items() if text.count("\n") > 350} == STILL_LONG
