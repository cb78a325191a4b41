"""The mistakes: for one site, every wrong node that each operator puts in its place."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from tests.mutation.digests import headline, shortened
from tests.mutation.operators import (
    Alike,
    Edit,
    Site,
    call,
    changed,
    name_of,
    parse,
    plus,
    sites,
    swapped,
    without,
)

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult)
EXCHANGED: dict[type, tuple[type, ...]] = {
    **{op: tuple(other for other in ARITHMETIC if other is not op) for op in ARITHMETIC},
    ast.Pow: (ast.Mult,),
    ast.FloorDiv: (ast.Mult, ast.Div),
    ast.Mod: (ast.FloorDiv,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
}
ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
COMPARED: dict[type, tuple[type, ...]] = {
    **{
        op: tuple(other for other in (*ORDER, ast.Eq, ast.NotEq) if other is not op) for op in ORDER
    },
    ast.Eq: (ast.NotEq, ast.Lt, ast.Gt),
    ast.NotEq: (ast.Eq, ast.Lt, ast.Gt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
# Names of one kind, of which a tired programmer may take the wrong one.
FUNCTIONS = (
    {"sigmoid", "tanh", "relu", "exp"},
    {"sigmoid_derivative", "tanh_derivative", "relu_derivative"},
    {"np.zeros_like", "np.ones_like"},
    {"np.zeros", "np.ones"},
    {"any", "all"},
    {"min", "max", "sum"},
    {"split_gates", "join_gates"},
    {"np.stack", "np.concatenate"},
)
FIELDS = (
    {"input", "forget", "candidate", "output"},
    {"h", "c"},
    {"initial", "final", "states", "gates"},
    {"x", "outputs"},
    {"input_size", "output_size", "hidden_size"},
    {"keeps_time", "needs_time", "takes_symbols", "return_sequences"},
    {"function", "derivative"},
    {"min", "max", "sum", "mean"},
    {"any", "all"},
)
KEYS = {"W", "U", "b"}
DERIVATIVES = FUNCTIONS[0] | FUNCTIONS[1]


def others(groups: tuple[set[str], ...], name: str) -> list[str]:
    return sorted({other for group in groups if name in group for other in group} - {name})


def arithmetic(site: Site) -> Iterator[Any]:
    """Operators exchanged; one operand kept; an accumulation made an assignment."""
    node = site.node
    if isinstance(node, ast.BinOp):
        for op in EXCHANGED.get(type(node.op), ()):
            yield changed(node, op=op())
        yield node.left
        yield node.right
    if isinstance(node, ast.AugAssign):
        for op in EXCHANGED.get(type(node.op), ()):
            yield changed(node, op=op())
        target = ast.parse(ast.unparse(node.target)).body[0].value  # type: ignore[attr-defined]
        target.ctx = ast.Store()
        yield ast.copy_location(ast.Assign(targets=[target], value=node.value), node)


def sign(site: Site) -> Iterator[Any]:
    """Minus, ``not`` and ``~`` dropped; minus put before values that are computed."""
    node = site.node
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    parents = ast.Assign | ast.AnnAssign | ast.Return | ast.keyword
    value = site.field == "value" and isinstance(site.parent, parents)
    if value and isinstance(node, ast.BinOp | ast.Name | ast.Attribute | ast.Call | ast.Subscript):
        yield ast.UnaryOp(op=ast.USub(), operand=node)


def comparison(site: Site) -> Iterator[Any]:
    """Comparison operators exchanged."""
    node = site.node
    if isinstance(node, ast.Compare):
        for k, old in enumerate(node.ops):
            for op in COMPARED[type(old)]:
                yield changed(node, ops=[*node.ops[:k], op(), *node.ops[k + 1 :]])


def condition(site: Site) -> Iterator[Any]:
    """Conditions negated, always true, always false; ``and`` for ``or``, parts dropped."""
    node = site.node
    if site.field == "test" or (site.field == "ifs"):
        yield ast.UnaryOp(op=ast.Not(), operand=node)
        yield ast.Constant(True)
        yield ast.Constant(False)
    if isinstance(node, ast.BoolOp):
        yield changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        for k in range(len(node.values)):
            rest = without(node.values, k)
            yield rest[0] if len(rest) == 1 else changed(node, values=rest)
    if isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse


def constant(site: Site) -> Iterator[Any]:
    """True for False; a number one more, one less."""
    node = site.node
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(node.value + 1)
        yield parse(str(node.value - 1))


def index(site: Site) -> Iterator[Any]:
    """Bounds of slices one off or dropped, steps reversed; indices one off; axes dropped."""
    node = site.node
    if isinstance(node, ast.Slice):
        for name, value in (("lower", node.lower), ("upper", node.upper)):
            if value is None:
                yield changed(node, **{name: parse("1" if name == "lower" else "-1")})
            else:
                yield changed(node, **{name: None})
                yield changed(node, **{name: plus(value, 1)})
                yield changed(node, **{name: plus(value, -1)})
        yield changed(node, step=parse("-1") if node.step is None else None)
    if site.indexes and isinstance(node, ast.Tuple):
        for k in range(len(node.elts)):
            yield changed(node, elts=without(node.elts, k))
    elif site.indexes and isinstance(node, ast.Name | ast.BinOp | ast.Call):
        yield plus(node, 1)
        yield plus(node, -1)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value


def names(site: Site, alike: Alike) -> Iterator[Any]:
    """A name read for another that holds something of the same type and shape."""
    node = site.node
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for other in alike.get(site.function, {}).get(node.id, []):
            yield changed(node, id=other)


def fields(site: Site) -> Iterator[Any]:
    """A field or key for another of the same kind: a gate, h for c, W for U."""
    node = site.node
    if isinstance(node, ast.Attribute):
        for other in others(FIELDS, node.attr):
            yield changed(node, attr=other)
    if isinstance(node, ast.Constant) and node.value in KEYS:
        for other in sorted(KEYS - {node.value}):
            yield ast.Constant(other)
    if isinstance(node, ast.keyword) and node.arg:
        for other in others(FIELDS[:2], node.arg):
            yield changed(node, arg=other)


def functions(site: Site) -> Iterator[Any]:
    """A function for another of the same kind; derivatives and activations made constant."""
    node = site.node
    if isinstance(node, ast.Name | ast.Attribute):
        for other in others(FUNCTIONS, name_of(node)):
            yield parse(other)
    if isinstance(node, ast.Call) and name_of(node.func) in DERIVATIVES:
        yield ast.Constant(1)
        yield ast.Constant(0)


def statement(site: Site) -> Iterator[Any]:
    """A statement left out."""
    if isinstance(site.node, ast.stmt) and not isinstance(site.node, ast.Pass):
        yield ast.copy_location(ast.Pass(), site.node)


def arguments(site: Site) -> Iterator[Any]:
    """Arguments left out or exchanged with their neighbour; the call left out; items as well."""
    node = site.node
    if isinstance(node, ast.Call):
        for k in range(len(node.args)):
            yield changed(node, args=without(node.args, k))
        for k in range(len(node.args) - 1):
            yield changed(node, args=swapped(node.args, k))
        for k in range(len(node.keywords)):
            yield changed(node, keywords=without(node.keywords, k))
        if node.args and not isinstance(node.args[0], ast.Starred):
            yield node.args[0]
        if isinstance(node.func, ast.Attribute) and name_of(node.func.value) != "np":
            yield node.func.value
    if isinstance(node, ast.Dict):
        for k in range(len(node.keys)):
            yield changed(node, keys=without(node.keys, k), values=without(node.values, k))
        for k in range(len(node.keys) - 1):
            yield changed(node, values=swapped(node.values, k))
    if isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
        for k in range(len(node.elts) - 1):
            yield changed(node, elts=swapped(node.elts, k))


def results(site: Site) -> Iterator[Any]:
    """A result that is a constant."""
    node = site.node
    if site.field == "value" and isinstance(site.parent, ast.Return):
        if isinstance(node, ast.Tuple):
            for k in range(len(node.elts)):
                yield changed(node, elts=[*node.elts[:k], parse("None"), *node.elts[k + 1 :]])
        else:
            yield ast.Constant(0)
            yield ast.Constant(1)


def loops(site: Site) -> Iterator[Any]:
    """A loop that misses its first or its last round, or runs the other way."""
    if site.field == "iter":
        for part in ("1:", ":-1", "::-1"):
            whole = call("list", site.node)
            yield ast.Subscript(value=whole, slice=parse(f"x[{part}]").slice, ctx=ast.Load())


OPERATORS: dict[str, Callable[[Site], Iterator[Any]]] = {
    "arithmetic": arithmetic,
    "sign": sign,
    "comparison": comparison,
    "condition": condition,
    "constant": constant,
    "index": index,
    "field": fields,
    "function": functions,
    "statement": statement,
    "argument": arguments,
    "result": results,
    "loop": loops,
}


def edits(file: str, alike: Alike, tree: ast.Module) -> Iterator[Edit]:
    """All mutants of one file; two operators that write the same count once."""
    lines: dict[int, str] = {}

    def line_of(node: ast.stmt) -> str:
        if id(node) not in lines:
            lines[id(node)] = headline(node)
        return lines[id(node)]

    found: dict[str, int] = {}
    for site in list(sites(tree)):
        written = {ast.dump(site.node)}
        operators = [(name, operator(site)) for name, operator in OPERATORS.items()]
        operators.append(("name", names(site, alike)))
        for operator, news in operators:
            for new in news:
                if ast.dump(new) in written:
                    continue
                written.add(ast.dump(new))
                line, node = line_of(site.statement), site.node
                before = line_of(node) if isinstance(node, ast.stmt) else ast.unparse(node)
                texts = shortened(line), before, ast.unparse(new)
                edit = Edit(file, operator, site, tree, new, *texts)
                first = f"{site.unit} | {edit.text}"
                edit.occurrence = found.get(first, 0)
                found[first] = edit.occurrence + 1
                yield edit
