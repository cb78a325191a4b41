"""The recurrent cells of Flax, in trees and modules, and JAX's flat vector of weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from npstack import interop
from npstack.core.errors import ArgumentError, DataError, DtypeError, ShapeError
from npstack.interop.jax_models.modules import ACTIVATIONS
from npstack.interop.jax_models.vectors import join_vector, split_vector
from npstack.interop.opened import flattened
from npstack.interop.reading import read
from tests.interop.opening import arrays_of, recurrent_parts
from tests.specification.flax_runs import fast_compiler

jax = pytest.importorskip("jax")
linen = pytest.importorskip("flax.linen")
nnx = pytest.importorskip("flax.nnx")
unflatten = pytest.importorskip("flax.traverse_util").unflatten_dict
pytestmark = pytest.mark.frameworks

jnp = jax.numpy
B, T, D, H = 2, 5, 3, 4
X = np.sin(np.arange(B * T * D, dtype=np.float32)).reshape(B, T, D)


@pytest.fixture(autouse=True)
def _fast() -> Iterator[None]:
    with fast_compiler():
        yield


def filled(tree: Any) -> Any:
    """A tree of the same shapes whose numbers all differ."""
    leaves, form = jax.tree.flatten(tree)
    rng = np.random.default_rng(0)
    return form.unflatten([jnp.asarray(rng.uniform(-1, 1, own.shape), own.dtype) for own in leaves])


def variables(module: Any, x: Any = X) -> Any:
    return filled(jax.eval_shape(module.init, jax.random.key(0), x))


def npstack_agrees(model: Any, name: str, outputs: Any, **more: Any) -> None:
    """The layer read from a part computes these outputs of X, to rounding."""
    model = model.get("params") if isinstance(model, dict) else model
    (part,) = (own for own in recurrent_parts(model) if own.name == name)
    assert not part.refused
    layer = read(
        arrays_of(model, part), part.layout, cell=part.kind, **part.attributes, **more
    ).layer
    np.testing.assert_allclose(layer.forward(X).outputs, outputs, rtol=0, atol=2e-6)


class Model(linen.Module):
    """Cells of several kinds, below other layers."""

    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = linen.RNN(linen.OptimizedLSTMCell(H), name="encoder")(x)
        x = linen.Dense(D)(x)
        x = linen.RNN(linen.GRUCell(H))(x)
        both = linen.Bidirectional(linen.RNN(linen.SimpleCell(H)), linen.RNN(linen.LSTMCell(2)))
        return both(x)


# ---- trees ---------------------------------------------------------------------------------------


def test_cells_in_a_tree() -> None:
    found = recurrent_parts(variables(Model())["params"])
    assert [part[:7] for part in found] == [
        ("GRUCell_0", "gru", 3, 4, 1, False, "flax-linen"),
        ("LSTMCell_0", "lstm", 4, 2, 1, False, "flax-linen"),
        ("OptimizedLSTMCell_0", "lstm", 3, 4, 1, False, "flax-linen"),
        ("SimpleCell_0", "rnn", 4, 4, 1, False, "flax-linen"),
    ]
    assert {part.refused for part in found} == {""}


def test_directions_have_the_names_of_bidirectional() -> None:
    layer = linen.Bidirectional(linen.RNN(linen.LSTMCell(H)), linen.RNN(linen.LSTMCell(H)))
    tree = variables(layer)
    found = recurrent_parts(tree["params"])
    assert {part.name: part.attributes for part in found} == {
        "forward_rnn/cell": {},
        "backward_rnn/cell": {"backwards": True},
    }
    outputs = layer.apply(tree, X)
    npstack_agrees(tree, "forward_rnn/cell", outputs[..., :H])
    npstack_agrees(tree, "backward_rnn/cell", outputs[..., H:])


def test_a_plain_dictionary_is_read_as_its_tree() -> None:
    def cell() -> Any:
        return linen.RNN(linen.GRUCell(H))

    layer = linen.Bidirectional(cell(), cell())
    tree = jax.tree.map(lambda a: a.astype(jnp.bfloat16), variables(layer))
    outputs = layer.apply(jax.tree.map(lambda a: a.astype(jnp.float32), tree), X)
    assert type(tree) is dict
    for name, wanted in (("forward", outputs[..., :H]), ("backward", outputs[..., H:])):
        found = interop.load(tree, f"params/{name}_rnn/cell").layer
        np.testing.assert_allclose(found.forward(X).outputs, wanted, rtol=0, atol=2e-6)
    minimal = interop.recurrent_parts({"a": variables(linen.RNN(linen.MGUCell(H)))["params"]})
    assert [(part.name, part.refused[:7]) for part in minimal] == [("a/cell", "MGUCell")]


CELLS = {
    "LSTMCell": linen.LSTMCell,
    "OptimizedLSTMCell": linen.OptimizedLSTMCell,
    "GRUCell": linen.GRUCell,
    "SimpleCell": linen.SimpleCell,
}


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_of_linen_in_and_out(name: str) -> None:
    layer = linen.RNN(CELLS[name](H))
    tree = variables(layer)
    npstack_agrees(tree, "cell", layer.apply(tree, X))
    arrays = arrays_of(tree["params"], "cell")
    own = flattened("test", tree["params"])
    assert arrays.keys() == own.keys()
    assert all((arrays[key] == value).all() for key, value in own.items())
    again = layer.apply({"params": unflatten(arrays, sep="/")}, X)
    np.testing.assert_array_equal(again, layer.apply(tree, X))


def test_other_activations_are_the_readers_to_know() -> None:
    layer = linen.RNN(linen.GRUCell(H, activation_fn=linen.relu))
    tree = variables(layer)
    assert recurrent_parts(tree["params"])[0].attributes == {}
    npstack_agrees(tree, "cell", layer.apply(tree, X), activations={"candidate": "relu"})


def test_what_is_no_cell_of_npstack_is_listed_with_the_reason() -> None:
    minimal = variables(linen.RNN(linen.MGUCell(H)))
    convolution = variables(linen.RNN(linen.ConvLSTMCell(H, (2, 2))), np.ones((1, 2, 3, 3, 5)))
    both = recurrent_parts(minimal["params"]) + recurrent_parts(convolution["params"])
    assert [part[:4] for part in both] == [("cell", "gru", D, H), ("cell", "lstm", 5, H)]
    assert [part.refused.split()[0] for part in both] == ["MGUCell", "ConvLSTMCell"]
    with pytest.raises(DataError, match="MGUCell is no cell"):
        arrays_of(minimal["params"], "cell")


@pytest.mark.parametrize("name", CELLS)
def test_stacked_cells_are_brought_in_one_by_one(name: str) -> None:
    layer = linen.RNN(CELLS[name](H))
    tree = jax.tree.map(lambda *a: jnp.stack(a), variables(layer), variables(layer))
    (part,) = recurrent_parts(tree["params"])
    assert part[:4] == ("cell", {"L": "lstm", "O": "lstm", "G": "gru", "S": "rnn"}[name[0]], D, H)
    assert "a[k]" in part.refused
    one = jax.tree.map(lambda a: a[1], tree)
    npstack_agrees(one, "cell", layer.apply(one, X))


def test_trees_of_other_kinds() -> None:
    tree = variables(linen.RNN(linen.SimpleCell(H)))
    expected = arrays_of(tree, "params/cell")
    boxed = jax.tree.map(lambda a: linen.Partitioned(a, names=(None,) * a.ndim), tree)
    frozen = pytest.importorskip("flax.core").freeze(tree)
    for own in (boxed, frozen, {**tree, "batch_stats": {"mean": jnp.ones(2)}}):
        found = arrays_of(own, "params/cell")
        assert found.keys() == expected.keys()
        assert all((found[name] == value).all() for name, value in expected.items())
    short = arrays_of(jax.tree.map(lambda a: a.astype(jnp.bfloat16), tree), "params/cell")
    assert {own.dtype for own in short.values()} == {np.dtype(np.float32)}
    for name, value in short.items():
        assert (value == np.asarray(jnp.asarray(expected[name], jnp.bfloat16), np.float32)).all()


def test_what_is_neither_tree_nor_module() -> None:
    with pytest.raises(DtypeError, match="model must be a model, got a list"):
        recurrent_parts([1, 2])
    with pytest.raises(ArgumentError, match="give its variables"):
        recurrent_parts(linen.LSTMCell(3))
    with pytest.raises(DtypeError, match="a/kernel must be an array"):
        recurrent_parts({"a": {"kernel": object()}})
    with pytest.raises(DataError, match="there must be a recurrent layer"):
        arrays_of({"Dense_0": {"kernel": np.ones((2, 2))}}, "cell")


# ---- modules of nnx ------------------------------------------------------------------------------

NNX_CELLS = {
    "LSTMCell": (nnx.LSTMCell, "lstm", "flax-linen"),
    "OptimizedLSTMCell": (nnx.OptimizedLSTMCell, "lstm", "flax-nnx"),
    "GRUCell": (nnx.GRUCell, "gru", "flax-nnx"),
    "SimpleCell": (nnx.SimpleCell, "rnn", "flax-nnx"),
}


def cell_of(kind: Any, D: int = D, **options: Any) -> Any:
    """A cell of nnx with biases that are not zero."""
    zeros = nnx.initializers.zeros  # others take seconds to compile
    inits = {"kernel_init": zeros, "recurrent_kernel_init": zeros}
    cell = kind(D, H, rngs=nnx.Rngs(0), **inits, **options)
    nnx.update(cell, filled(nnx.state(cell, nnx.Param)))
    return cell


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", NNX_CELLS)
def test_a_cell_of_nnx_in_and_out(name: str, reverse: bool) -> None:
    kind, cell_kind, layout = NNX_CELLS[name]
    layer = nnx.RNN(cell_of(kind), reverse=reverse, keep_order=True)
    (part,) = recurrent_parts(layer)
    assert part[:7] == ("cell", cell_kind, D, H, 1, False, layout)
    assert part.attributes.get("backwards", False) is reverse
    npstack_agrees(layer, "cell", layer(X))
    arrays = arrays_of(layer, part)
    other = nnx.RNN(cell_of(kind), reverse=reverse, keep_order=True)
    nnx.update(other.cell, jax.tree.map(jnp.zeros_like, nnx.state(other.cell, nnx.Param)))
    named = {key.replace("if/", "if_/"): value for key, value in arrays.items()}
    nnx.update(other.cell, unflatten(named, sep="/"))
    np.testing.assert_array_equal(other(X), layer(X))


class Nested(nnx.Module):
    """Layers that are listed in the order in which they were made; one is used twice."""

    def __init__(self) -> None:
        self.z = nnx.RNN(cell_of(nnx.LSTMCell))
        self.layers = nnx.List([nnx.Linear(1, 1, rngs=nnx.Rngs(0)), cell_of(nnx.SimpleCell)])
        same = self.z
        self.a = nnx.Bidirectional(
            nnx.RNN(cell_of(nnx.GRUCell), reverse=True), nnx.RNN(cell_of(nnx.GRUCell))
        )
        self.again = same


def test_cells_in_a_module() -> None:
    model = Nested()
    assert [
        (p.name, p.kind, p.attributes.get("backwards", False)) for p in recurrent_parts(model)
    ] == [
        ("z/cell", "lstm", False),
        ("layers/1", "rnn", False),
        ("a/forward_rnn/cell", "gru", False),
        ("a/backward_rnn/cell", "gru", True),
    ]
    npstack_agrees(model, "a/forward_rnn/cell", model.a(X)[..., :H])
    npstack_agrees(model, "a/backward_rnn/cell", model.a(X)[..., H:])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_jax_have_their_names_here(name: str) -> None:
    function = getattr(jax.nn, name)
    layer = nnx.RNN(cell_of(nnx.SimpleCell, activation_fn=function))
    assert recurrent_parts(layer)[0].attributes["activations"] == {"hidden": ACTIVATIONS[name]}
    npstack_agrees(layer, "cell", layer(X))
    lstm = nnx.RNN(cell_of(nnx.LSTMCell, gate_fn=function, activation_fn=jnp.sin))
    assert "activation sin" in recurrent_parts(lstm)[0].refused
    gated = nnx.RNN(
        cell_of(nnx.OptimizedLSTMCell, gate_fn=jax.nn.hard_sigmoid, activation_fn=function)
    )
    npstack_agrees(gated, "cell", gated(X))


class Doubled(nnx.GRUCell):
    """Not a GRU."""

    def __call__(self, carry: Any, inputs: Any) -> Any:
        return super().__call__(2 * carry, inputs)


def test_cells_of_nnx_that_are_listed_with_the_reason() -> None:
    cells = [cell_of(nnx.SimpleCell, residual=True), cell_of(Doubled)]
    parts = [recurrent_parts(cell)[0] for cell in cells]
    assert "diagonal" in parts[0].refused
    assert "Doubled is no cell" in parts[1].refused
    assert [part[2:4] for part in parts] == [(D, H), (D, H)]
    with pytest.raises(DataError, match="Doubled is no cell"):
        arrays_of(cells[1], "")


def test_a_residual_cell_is_brought_in_as_its_reason_says() -> None:
    layer = nnx.RNN(cell_of(nnx.SimpleCell, residual=True))
    arrays = flattened("test", nnx.to_pure_dict(nnx.state(layer.cell, nnx.Param)))
    arrays = {name: value.copy() for name, value in arrays.items()}
    arrays["dense_h/kernel"] += np.eye(H, dtype=np.float32)
    found = read(arrays, "flax-nnx", cell="rnn").layer.forward(X).outputs
    np.testing.assert_allclose(found, layer(X), rtol=0, atol=2e-6)


# ---- the flat vector -----------------------------------------------------------------------------


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_the_flat_vector_is_cut_as_jax_cuts_it(layers: int, bidirectional: bool) -> None:
    rnn = pytest.importorskip("jax.experimental.rnn")
    weights = rnn.init_lstm_weight(jax.random.key(1), D, H, layers, bidirectional)
    theirs = rnn.unpack_lstm_weights(weights, D, H, layers, bidirectional)
    arrays = split_vector(weights, D, H, layers=layers, bidirectional=bidirectional)
    ways = 1 + bidirectional
    assert len(arrays) == 4 * layers * ways
    for kind, own in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), theirs, strict=True):
        for k, value in own.items():
            name = f"{kind}_l{k // ways}{'_reverse' if k % ways else ''}"
            np.testing.assert_array_equal(arrays[name], value)
    np.testing.assert_array_equal(join_vector(arrays), weights)
    layer = read(arrays, "jax", bidirectional=bidirectional).layer
    zeros = jnp.zeros((layers * ways, B, H))
    lengths = jnp.asarray([T, 2], jnp.int32)
    outputs, *_ = rnn.lstm_ref(X, zeros, zeros, *theirs, lengths, D, H, layers, 0.0, bidirectional)
    np.testing.assert_allclose(layer.forward(X, lengths=[T, 2]).outputs, outputs, rtol=0, atol=2e-6)


def test_a_vector_of_other_sizes_is_an_error() -> None:
    with pytest.raises(ShapeError, match=r"\(56,\) for these sizes, got \(57,\)"):
        split_vector(np.ones(57), 3, 2)
    with pytest.raises(DtypeError, match="floating-point"):
        split_vector(np.ones(56, int), 3, 2)
    with pytest.raises(ArgumentError, match="layers"):
        split_vector(np.ones(56), 3, 2, layers=0)
