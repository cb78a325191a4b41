"""The package is built as CONTRIBUTING.md says: subpackages in an order, without circles."""

import ast
import re
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "npstack").rglob("*.py"))
}
PACKAGES = [name for name, path in MODULES.items() if path.stem == "__init__"]
FOREIGN = {"torch", "keras", "tensorflow", "jax", "onnx", "onnxruntime", "pytest", "hypothesis"}
TRANSCENDENTAL = re.compile(
    r"(np|numpy|math|cmath|scipy)\.(?!frexp|ldexp)\w*(exp|expm1|log|log1p|log2|log10|sin|cos|tan|tanh|sinh|cosh)\b"
)


@cache
def tree_of(module: str) -> ast.Module:
    """The syntax tree of a module; nobody changes it."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@cache
def imports(module: str, everywhere: bool = True) -> frozenset[str]:
    """Every module that a module imports: anywhere in it, or only when it is loaded."""
    tree = tree_of(module)
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {part if part in MODULES else str(node.module) for part in parts}
    return frozenset(found)


def rooms() -> list[str]:
    """The map in CONTRIBUTING.md, from the top: ``core``, ``losses``, ``cells`` …"""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(\w+)/` \|", text, re.MULTILINE)


def room(module: str) -> str | None:
    """The subpackage of a module; None for the package itself."""
    parts = module.split(".")
    return parts[1] if parts[0] == "npstack" and len(parts) > 1 else None


def test_the_map_shows_every_room():
    folders = {path.parent.name for path in (ROOT / "npstack").glob("*/__init__.py")}
    assert sorted(rooms()) == sorted(folders)
    assert {name for name in MODULES if room(name) not in rooms()} == {
        "npstack",
        "npstack.__main__",
        "npstack.version",
    }


@pytest.mark.parametrize("name", rooms())
def test_a_room_imports_only_from_rooms_above_it(name):
    above = rooms()[: rooms().index(name) + 1]
    for module in MODULES:
        for other in imports(module) if room(module) == name else ():
            where = room(other)
            assert (
                where in above or other == "npstack.version" or not other.startswith("npstack")
            ), f"{module} imports {other}"


def test_no_circle_of_imports():
    within = {name: imports(name, everywhere=False) & set(MODULES) - {name} for name in MODULES}
    while within:
        free = {name for name, needed in within.items() if not needed & within.keys()}
        assert free, f"these import one another in a circle: {sorted(within)}"
        within = {name: needed for name, needed in within.items() if name not in free}


def test_the_top_of_package_and_tests_fits_on_a_screen():
    for folder in ("npstack", "tests"):
        command = ["git", "ls-files", folder]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        top = {Path(name).parts[1] for name in listed.stdout.splitlines()}
        assert len(top) <= 25, sorted(top)


def test_nothing_hides_the_module_of_its_name():
    for package in PACKAGES:
        inside = {name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == package}
        offered = set(getattr(import_module(package), "__all__", ()))
        for name in inside & offered:
            assert f"{package}.{name}" == getattr(import_module(package), name).__name__


def test_no_two_names_differ_in_their_last_letter():
    typed = "npstack.cli.commands."  # named after what is typed: ``npstack plot``
    named = [module for module in MODULES if not module.startswith(typed)]
    names = {part for module in named for part in module.split(".")[1:]}
    for name in names:
        alike = {other for other in names if other[:-1] in (name, name[:-1]) and other != name}
        assert not alike, (name, alike)


def test_only_plots_imports_matplotlib():
    drawing = {name for name in MODULES if any(i.startswith("matplotlib") for i in imports(name))}
    assert {room(name) for name in drawing} == {"plots"}


def test_no_framework_and_no_test_tool_inside():
    for module in MODULES:
        in_functions = room(module) != "interop"  # which imports a framework when it is called
        found = {name.split(".")[0] for name in imports(module, everywhere=in_functions)}
        assert not found & FOREIGN, module


def test_only_numerics_calls_transcendental_functions():
    # The scalar oracle stands apart on purpose: the standard library's math, no code shared. In
    # plots logarithms place the ticks of an axis; no number of a model passes through. The engine
    # makes sigmoids of tanh, in place.
    apart = ("npstack.core.numerics", "npstack.verify.oracle", "npstack.plots", "npstack.engine")
    for module in MODULES:
        calls = {ast.unparse(n) for n in ast.walk(tree_of(module)) if isinstance(n, ast.Attribute)}
        found = sorted(call for call in calls if TRANSCENDENTAL.fullmatch(call))
        assert not found or module.startswith(apart), (module, found)


def test_import_loads_numpy_only():
    code = "import sys, npstack; print(*{name.split('.')[0] for name in sys.modules})"
    run = [sys.executable, "-c", code]
    loaded = set(subprocess.run(run, capture_output=True, text=True, check=True).stdout.split())
    assert not loaded & (FOREIGN | {"matplotlib", "mpmath", "tqdm", "scipy"})


def test_cell_layer_and_stack_are_short_enough_to_read():
    files = ("cells.lstm", "layers.recurrent", "layers.stacked")
    lines = [MODULES[f"npstack.{name}"].read_text().count("\n") for name in files]
    assert sum(lines) < 650


def test_no_python_file_is_over_350_lines():
    command = ["git", "ls-files", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in listed.splitlines()}
    assert not {name for name, text in texts.items() if text.count("\n") > 350}


RETURN_WHAT_TO_USE = {
    "check_size",
    "check_whole",
    "check_number",
    "check_positive",
    "check_fraction",
    "check_flag",
    "check_option",
}


def test_the_value_that_was_checked_is_the_one_that_is_used():
    """``check_size(…)`` alone on a line leaves an np.int8, whose products overflow, in use."""
    wrong = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for module, file in MODULES.items()
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") in RETURN_WHAT_TO_USE
    ]
    assert not wrong
