"""The oracle against PyTorch in float64: outputs, final states and all gradients."""

from typing import Any

import numpy as np
import pytest

from npstack.verify import oracle
from npstack.verify.oracle import Layer
from npstack.verify.oracle.activations import activation
from tests.verify.oracle_models import cell_params, drawer, error, state

pytestmark = pytest.mark.frameworks
torch = pytest.importorskip("torch")

B, T, D, H = 3, 5, 2, 3
LENGTHS = (3, 5, 1)
BAR = 1e-13


def tensor(value: Any) -> Any:
    """Of float64: nested lists would become float32."""
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def slopes_of(model: Any, inputs: Any, mask: Any, seed: int) -> tuple[Any, Any, Any]:
    """Outcome (outputs, finals), the weights of a loss, and its slopes by all inputs."""

    def outcome(given: Any) -> Any:
        return oracle.run(model, given["params"], given["x"], given["states"], mask)

    ours = outcome(inputs)
    weights = drawer(seed)(len(oracle.numbers(ours)))
    _, slopes = oracle.differentiate(lambda v: oracle.weighted_sum(outcome(v), weights), inputs)
    return ours, weights, slopes


def assert_equal(theirs: list[Any], ours: list[Any]) -> None:
    for their, our in zip(theirs, ours, strict=True):
        assert error(our, their.detach().numpy()) < BAR


def into_pytorch(kind: str, params: Any, module: Any, suffix: str) -> None:
    """One cell's parameters; a second bias that could be merged is there, too, to be seen."""
    their = {name: torch.tensor(value, dtype=torch.float64) for name, value in params.items()}
    second = torch.linspace(-1, 1, len(their["b"]), dtype=torch.float64)
    if kind == "gru":
        second[2 * H :] = their["b_recurrent"]
    first = their["b"] - second
    if kind == "gru":
        first[2 * H :] = their["b"][2 * H :]
    values = {"weight_ih": their["W"].T, "weight_hh": their["U"].T, "bias_ih": first}
    values["bias_hh"] = second
    if "R" in their:
        values["weight_hr"] = their["R"].T
    with torch.no_grad():
        for name, value in values.items():
            getattr(module, f"{name}_{suffix}").copy_(value)


def from_pytorch(kind: str, params: Any, module: Any, suffix: str) -> dict[str, Any]:
    """The gradients of one cell's parameters."""
    names = {"W": "weight_ih", "U": "weight_hh", "b": "bias_ih", "R": "weight_hr"}
    found = {
        ours: getattr(module, f"{names[ours]}_{suffix}").grad for ours in names if ours in params
    }
    found = {
        ours: gradient.T if gradient.ndim == 2 else gradient for ours, gradient in found.items()
    }
    if kind == "gru":
        found["b_recurrent"] = getattr(module, f"bias_hh_{suffix}").grad[2 * H :]
    return found


KINDS = {
    "lstm": ("lstm", {}, {}),
    "lstm_projected": ("lstm", {"proj_size": 2}, {}),
    "gru": ("gru", {}, {}),
    "rnn_tanh": ("rnn", {"nonlinearity": "tanh"}, {"activation": "tanh"}),
    "rnn_relu": ("rnn", {"nonlinearity": "relu"}, {"activation": "relu"}),
}


@pytest.mark.parametrize("packed", [False, True], ids=["all", "packed"])
@pytest.mark.parametrize("bidirectional", [False, True], ids=["ahead", "both"])
@pytest.mark.parametrize("name", KINDS)
def test_two_layers(name: str, bidirectional: bool, packed: bool) -> None:
    kind, theirs, options = KINDS[name]
    module = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[kind](
        D, H, 2, batch_first=True, bidirectional=bidirectional, dtype=torch.float64, **theirs
    )
    draw = drawer(7)
    projection = theirs.get("proj_size")
    width, directions = projection or H, 2 if bidirectional else 1
    places = [(k, d) for k in range(2) for d in range(directions)]
    suffixes = [f"l{k}{'_reverse' if d else ''}" for k, d in places]
    cells = [
        cell_params(draw, kind, directions * width if k else D, H, projection=projection)
        for k, _ in places
    ]
    for params, suffix in zip(cells, suffixes, strict=True):
        into_pytorch(kind, params, module, suffix)
    states = [state(draw, kind, B, H, width) for _ in places]
    cell = Layer(kind, options=options)
    model = [Layer("bidirectional", children=(cell, cell))] * 2 if bidirectional else [cell] * 2
    nested = [cells[:2], cells[2:]] if bidirectional else cells
    inputs = {"params": nested, "x": draw(B, T, D), "states": states}
    mask = [[t < length for t in range(T)] for length in LENGTHS] if packed else None
    (outputs, finals), weights, slopes = slopes_of(model, inputs, mask, 8)

    x = tensor(inputs["x"])
    initial = {f: tensor([s[f] for s in states]) for f in states[0]}
    given = tuple(initial.values()) if kind == "lstm" else initial["h"]
    sequence: Any = x
    if packed:
        pack = torch.nn.utils.rnn.pack_padded_sequence
        sequence = pack(x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    sequence, after = module(sequence, given)
    after = after if kind == "lstm" else (after,)
    if packed:
        unpack = torch.nn.utils.rnn.pad_packed_sequence
        sequence, _ = unpack(sequence, batch_first=True, total_length=T)
    by_cell = [field[k] for k in range(len(places)) for field in after]
    everything = torch.cat([value.ravel() for value in (sequence, *by_cell)])
    (everything * tensor(weights)).sum().backward()

    assert_equal([sequence, *by_cell], [outputs, *(f[n] for f in finals for n in f)])
    our_cells = slopes["params"]
    if bidirectional:
        our_cells = [own for pair in our_cells for own in pair]
    for params, suffix in zip(our_cells, suffixes, strict=True):
        for name, gradient in from_pytorch(kind, params, module, suffix).items():
            assert_equal([gradient], [params[name]])
    assert_equal([x.grad], [slopes["x"]])
    for field, value in initial.items():
        assert_equal([value.grad], [[s[field] for s in slopes["states"]]])


def test_layer_norm_lstm() -> None:
    """The equations in tensors, with PyTorch's own layer norm, whose epsilon is 1e-5."""
    draw, norm = drawer(3), torch.nn.functional.layer_norm
    params = cell_params(draw, "layer_norm_lstm", D, H)
    inputs = {"params": [params], "x": draw(B, T, D), "states": [state(draw, "lstm", B, H)]}
    model = [Layer("layer_norm_lstm")]
    (outputs, finals), weights, slopes = slopes_of(model, inputs, None, 4)

    p = {name: tensor(value) for name, value in params.items()}
    x = tensor(inputs["x"])
    first = {name: tensor(value) for name, value in inputs["states"][0].items()}
    h, c = first["h"], first["c"]
    sequence = []
    for t in range(T):
        a = norm(x[:, t] @ p["W"], (4 * H,), p["gain_x"])
        a = a + norm(h @ p["U"], (4 * H,), p["gain_h"], p["b"])
        i, f, g, o = a.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * norm(c, (H,), p["gain_c"], p["shift_c"]).tanh()
        sequence.append(h)
    theirs = [torch.stack(sequence, 1), h, c]
    (torch.cat([v.ravel() for v in theirs]) * tensor(weights)).sum().backward()
    assert_equal(theirs, [outputs, finals[0]["h"], finals[0]["c"]])
    assert_equal([p[name].grad for name in params], [slopes["params"][0][name] for name in params])
    assert_equal([x.grad], [slopes["x"]])
    assert_equal([first[n].grad for n in "hc"], [slopes["states"][0][n] for n in "hc"])


def test_activations() -> None:
    F = torch.nn.functional
    a = torch.linspace(-7, 7, 60, dtype=torch.float64, requires_grad=True)
    theirs = {
        "leaky_relu": F.leaky_relu(a),
        ("leaky_relu", 0.3): F.leaky_relu(a, 0.3),
        "thresholded_relu": F.threshold(a, 1.0, 0.0),
        "elu": F.elu(a),
        ("elu", 0.4): F.elu(a, 0.4),
        "softsign": F.softsign(a),
        "softplus": F.softplus(a, threshold=1000),
        # F.hardsigmoid has a slope of 1/6 in float32, whatever the dtype.
        "hard_sigmoid_sixth": F.relu6(a + 3) / 6,
    }
    for given, value in theirs.items():
        (slope,) = torch.autograd.grad(value.sum(), a)
        ours = [activation(given)(oracle.Dual(z, [1.0])) for z in a.tolist()]
        got = np.array([[dual.value, dual.slopes[0]] for dual in ours]).T
        assert_equal([value, slope], list(got))
