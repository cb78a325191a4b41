"""PyTorch in float64: ``nn.LSTM`` reads, ``nn.LSTM`` begins with its states; ≤ 64 eps per block.

Embeddings, packed sequences on both sides, the head and the handover are written as PyTorch users
write them; automatic differentiation gives every gradient.
"""

from typing import Any

import numpy as np
import pytest

from tests.seq2seq.pairs import SYMBOLS, Pairs, draw_pairs
from tests.tools.random_stacks import Arrays

pytestmark = pytest.mark.frameworks


@pytest.fixture(autouse=True, scope="module")
def _pytorch() -> None:
    pytest.importorskip("torch")


class Side:
    """``nn.LSTM`` with the weights of one side's stack."""

    def __init__(self, prefix: str, pairs: Pairs, sizes: tuple[int, ...]) -> None:
        import torch

        self.prefix, L = prefix, len(sizes)
        params = pairs.model.params
        D = params[f"{prefix}.layers.0.W"].shape[0]
        self.lstm = torch.nn.LSTM(D, sizes[0], L, batch_first=True, dtype=torch.float64)
        with torch.no_grad():
            for k in range(L):
                W, U, b = (params[f"{prefix}.layers.{k}.{n}"] for n in "WUb")
                # One bias here, the sum of two there: halves add up to it exactly.
                names = {"weight_ih": W.T, "weight_hh": U.T, "bias_ih": b / 2, "bias_hh": b / 2}
                for name, value in names.items():
                    getattr(self.lstm, f"{name}_l{k}").copy_(torch.tensor(value.copy()))

    def run(self, x: Any, mask: np.ndarray, states: Any) -> Any:
        """Padded outputs, and (h, c) of all layers, behind a packed sequence."""
        import torch

        rnn = torch.nn.utils.rnn
        lengths = torch.tensor(mask.sum(axis=1))
        packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        packed, after = self.lstm(packed, states)
        outputs, _ = rnn.pad_packed_sequence(packed, batch_first=True, total_length=mask.shape[1])
        return outputs, after

    def gradients(self) -> Arrays:
        """By npstack's names."""
        names = {"W": "weight_ih", "U": "weight_hh", "b": "bias_ih"}
        return {
            f"d{self.prefix}.layers.{k}.{ours}": getattr(self.lstm, f"{theirs}_l{k}").grad.numpy().T
            for k in range(self.lstm.num_layers)
            for ours, theirs in names.items()
        }


def pytorch_results(pairs: Pairs) -> Arrays:
    """Outputs, the decoder's finals, and all gradients."""
    import torch

    torch.set_num_threads(1)
    model, symbols = pairs.model, "encoder.0.W" in pairs.model.params
    sizes = tuple(layer.output_size for layer in model.encoder.recurrent)
    encoder, decoder = (
        Side("encoder.1" if symbols else "encoder", pairs, sizes),
        Side(f"decoder.{1 if symbols else 0}", pairs, sizes),
    )
    inputs = {name: torch.tensor(a.copy(), requires_grad=True) for name, a in pairs.inputs.items()}
    if symbols:
        source = inputs["encoder.0.W"][torch.tensor(pairs.x.source)]
        target_in = inputs["decoder.0.W"][torch.tensor(pairs.x.target_in)]
    else:
        source, target_in = inputs["source"], inputs["target_in"]
    if model.reverse_source:
        lengths = pairs.x.source_mask.sum(axis=1)
        rows = zip(source, lengths, strict=True)
        source = torch.stack([torch.cat([row[:n].flip(0), row[n:]]) for row, n in rows])
    initial = tuple(
        torch.stack([inputs[f"initial.{k}.{field}"] for k in range(len(sizes))]) for field in "hc"
    )
    _, handed = encoder.run(source, pairs.x.source_mask, initial)
    if model.handover == "top":
        handed = tuple(
            torch.cat([value[-1:], torch.zeros_like(value[1:])]).contiguous() for value in handed
        )
    hidden, finals = decoder.run(target_in, pairs.mask, handed)
    head = "decoder.2" if symbols else "decoder.1"
    outputs = hidden @ inputs[f"{head}.W"] + inputs[f"{head}.b"]
    outputs = torch.where(torch.tensor(pairs.mask)[..., None], outputs, 0.0)
    weights = [torch.tensor(np.stack([getattr(s, f) for s in pairs.dfinal])) for f in "hc"]
    loss = (outputs * torch.tensor(pairs.doutputs)).sum()
    loss = loss + sum((w * v).sum() for w, v in zip(weights, finals, strict=True))
    loss.backward()
    results = {"outputs": outputs.detach().numpy()}
    for field, value in zip("hc", finals, strict=True):
        results |= {f"final.{k}.{field}": row.detach().numpy() for k, row in enumerate(value)}
    own = {f"d{name}": a.grad.numpy() for name, a in inputs.items() if a.grad is not None}
    return {**results, **own, **encoder.gradients(), **decoder.gradients()}


def draw(seed: int) -> Pairs:
    rng = np.random.default_rng([seed, 1])
    H, L = int(rng.integers(2, 65 if seed % 4 == 0 else 9)), int(rng.integers(1, 5))
    longest = 60 if seed % 4 == 0 else 12
    return draw_pairs(
        seed,
        sizes=(H,) * L,
        symbols=bool(rng.random() < 0.5),
        masked=str(rng.choice(["none", "lengths"])),
        batch=int(rng.integers(1, 6)),
        steps=(int(rng.integers(1, longest)), int(rng.integers(1, longest))),
        handover=str(rng.choice(["all", "top"])),
        reverse_source=bool(rng.random() < 0.5),
    )


@pytest.mark.parametrize("seed", range(40))
def test_pytorch_agrees_on_every_block(seed: int) -> None:
    pairs = draw(seed)
    errors = pairs.compare(pairs.run(), pytorch_results(pairs))
    assert max(errors.values()) <= 64, {k: e for k, e in errors.items() if e > 64}


def test_the_draws_cover_every_option() -> None:
    drawn = [draw(seed) for seed in range(40)]
    ways = {(pairs.model.handover, pairs.model.reverse_source) for pairs in drawn}
    assert len(ways) == 4
    assert {len(pairs.dfinal) for pairs in drawn} == {1, 2, 3, 4}
    assert {pairs.doutputs.shape[-1] for pairs in drawn} == {SYMBOLS}
    assert {bool(pairs.mask.all()) for pairs in drawn} == {True, False}


def test_a_wrong_handover_would_be_noticed() -> None:
    """The comparison finds mistakes: states passed to wrong layers are far beyond the bar."""
    pairs = draw_pairs(1, sizes=(4, 4), masked="lengths")
    shortcut = draw_pairs(1, sizes=(4, 4), masked="lengths", handover="top")
    errors = pairs.compare(pairs.run(), pytorch_results(shortcut))
    assert max(errors.values()) > 1e6
