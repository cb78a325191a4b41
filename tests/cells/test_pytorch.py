"""GRU and plain recurrent networks against PyTorch in float64: everything that both have."""

import numpy as np
import pytest

from npstack import (
    GRUCell,
    GRUState,
    LSTMCell,
    NoBias,
    Recurrent,
    RNNCell,
    RNNState,
    StackedBidirectional,
    StackedGRU,
    StackedRNN,
    TwoBiases,
)
from npstack.layers import GRU, RNN

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.frameworks
B, T, D, H, L = 4, 6, 3, 5, 2
BAR = 2e-14
KINDS = {
    "gru": (GRU, StackedGRU, GRUState, torch.nn.GRU, {}, {}),
    "rnn tanh": (RNN, StackedRNN, RNNState, torch.nn.RNN, {}, {"nonlinearity": "tanh"}),
    "rnn relu": (
        RNN,
        StackedRNN,
        RNNState,
        torch.nn.RNN,
        {"activation": "relu"},
        {"nonlinearity": "relu"},
    ),
}


def into(module, suffix, params):
    """One cell's parameters (a second bias takes what is left) into a module of PyTorch."""
    H = module.hidden_size
    second = torch.linspace(-1, 1, len(params["b"]), dtype=torch.float64)
    first = torch.tensor(params["b"]) - second
    if "b_recurrent" in params:
        first[2 * H :] = torch.tensor(params["b"][2 * H :])
        second[2 * H :] = torch.tensor(params["b_recurrent"])
    values = {"weight_ih": torch.tensor(params["W"].T), "weight_hh": torch.tensor(params["U"].T)}
    values |= {"bias_ih": first, "bias_hh": second}
    with torch.no_grad():
        for name, value in values.items():
            getattr(module, f"{name}_{suffix}").copy_(value)


def gradients_of(module, suffix, names):
    """Of one cell's parameters, by our names."""
    theirs = {"W": "weight_ih", "U": "weight_hh", "b": "bias_ih"}
    found = {n: getattr(module, f"{own}_{suffix}").grad.numpy().T for n, own in theirs.items()}
    if "b_recurrent" in names:
        found["b_recurrent"] = getattr(module, f"bias_hh_{suffix}").grad[2 * H :].numpy()
    return found


def assert_close(ours, theirs, what):
    assert ours.shape == theirs.shape, what
    assert np.abs(ours - theirs).max() <= BAR * np.abs(theirs).max(), what


@pytest.mark.parametrize("packed", [False, True], ids=["full", "packed"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("name", KINDS)
def test_stacks_equal_pytorch(name, directions, packed):
    layer, stacked, state, module_type, ours, theirs = KINDS[name]
    rng = np.random.default_rng(1)
    if directions == 2:
        stack = StackedBidirectional(layer, D, H, L, rng=rng, bias_init="uniform", **ours)
    else:
        stack = stacked(D, H, L, rng=rng, bias_init="uniform", **ours)
    module = module_type(
        D, H, L, batch_first=True, bidirectional=directions == 2, dtype=torch.float64, **theirs
    )
    sides = ("forward.", "backward.") if directions == 2 else ("",)
    cells = [
        (f"layers.{k}.{side}", f"l{k}{'_reverse' if side == 'backward.' else ''}")
        for k in range(L)
        for side in sides
    ]
    for prefix, suffix in cells:
        own = {n.removeprefix(prefix): v for n, v in stack.params.items() if n.startswith(prefix)}
        into(module, suffix, own)

    x, lengths = rng.standard_normal((B, T, D)), [6, 2, 4, 1] if packed else [T] * B
    initial = rng.standard_normal((L * directions, B, H))
    rows = [state(h) for h in initial]
    states = tuple(rows)
    if directions == 2:
        from npstack import Directions

        states = tuple(Directions(*rows[2 * k : 2 * k + 2]) for k in range(L))
    tape = stack.forward(x, states, lengths=lengths)
    doutputs = rng.standard_normal(tape.outputs.shape)
    dfinal = rng.standard_normal(initial.shape)
    back = [state(h) for h in dfinal]
    dstates = tuple(back)
    if directions == 2:
        dstates = tuple(Directions(*back[2 * k : 2 * k + 2]) for k in range(L))
    grads = stack.backward(tape, doutputs, dstates)

    X, first = torch.tensor(x, requires_grad=True), torch.tensor(initial, requires_grad=True)
    pack, unpack = torch.nn.utils.rnn.pack_padded_sequence, torch.nn.utils.rnn.pad_packed_sequence
    sequence = pack(X, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    made, last = module(sequence if packed else X, first)
    made = unpack(made, batch_first=True)[0] if packed else made
    ((made * torch.tensor(doutputs)).sum() + (last * torch.tensor(dfinal)).sum()).backward()

    def flat(tree):
        """The ``h`` of every cell in PyTorch's order."""
        cells = [s for pair in tree for s in pair] if directions == 2 else tree
        return np.stack([s.h for s in cells])

    assert_close(tape.outputs, made.detach().numpy(), "outputs")
    assert_close(flat(tape.final), last.detach().numpy(), "final")
    assert_close(grads.x, X.grad.numpy(), "dx")
    assert_close(flat(grads.initial_states), first.grad.numpy(), "dinitial")
    for prefix, suffix in cells:
        for n, value in gradients_of(module, suffix, set(stack.params)).items():
            if prefix + n in grads.params:
                assert_close(grads.params[prefix + n], value, prefix + n)
    if name == "gru":
        for prefix, suffix in cells:
            last_third = getattr(module, f"bias_hh_{suffix}").grad[2 * H :].numpy()
            assert_close(grads.params[f"{prefix}b_recurrent"], last_third, "b_recurrent")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_biases_are_kept_apart_as_pytorch_stores_them(name, bias):
    torch.manual_seed(4)
    rng = np.random.default_rng(4)
    module = getattr(torch.nn, name)(D, H, batch_first=True, bias=bias, dtype=torch.float64)
    stored = {n: p.detach().numpy() for n, p in module.named_parameters()}
    W, U = stored["weight_ih_l0"].T, stored["weight_hh_l0"].T
    kind = {"LSTM": LSTMCell, "GRU": GRUCell, "RNN": RNNCell}[name]
    both = [stored[n] for n in ("bias_ih_l0", "bias_hh_l0")] if bias else []
    cell = (TwoBiases if bias else NoBias).from_params(kind, W, U, *both)
    x, doutputs = rng.standard_normal((2, 6, D)), rng.standard_normal((2, 6, H))
    outputs, _ = module(torch.tensor(x))
    outputs.backward(torch.tensor(doutputs))
    layer = Recurrent(cell)
    tape = layer.forward(x)
    assert_close(tape.outputs, outputs.detach().numpy(), "outputs")
    names = {"W": "weight_ih_l0", "U": "weight_hh_l0", "b": "bias_ih_l0"}
    names["b_recurrent"] = "bias_hh_l0"
    grads = layer.backward(tape, doutputs).params
    assert len(grads) == len(stored)
    for ours, value in grads.items():
        assert_close(value, getattr(module, names[ours]).grad.numpy().T, ours)
