"""`explain` names the line that is wrong, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from npstack import (
    GRUCell,
    LSTMCell,
    LSTMState,
    LSTMVariantCell,
    Recurrent,
    RNNCell,
    StackedLSTM,
    Zoneout,
)
from npstack.cells.parts import Peepholes, Projection
from npstack.core.errors import ArgumentError, DtypeError, ShapeError
from npstack.core.numerics import tanh_derivative
from npstack.verify import CATALOGUE, explain, foreign
from npstack.verify.mistakes.cases import Case, drawn, run
from npstack.verify.mistakes.catalogue import catalogue_of
from npstack.verify.mistakes.entry import CELLS, edited, place_of
from npstack.verify.mistakes.simulate import Program, program_for
from npstack.verify.other_code.calls import Function
from tests.verify.courses.slips import GATES, functions, slips, without_c


def course(cell="lstm", style="step", *names, **options):
    edits = [edit for name in names for edit in slips(cell, False)[name]]
    return explain(*functions(cell, style, edits), cell=cell, style=style, **options)


# ---- the catalogue -----------------------------------------------------------------------------


def test_every_entry_is_an_edit_of_one_expression():
    for own in CATALOGUE:
        assert place_of(own.place).text.count(own.old) == 1, own
        assert own.old != own.new
        assert callable(edited(own.place, ((own.old, own.new),)))


def test_every_entry_has_a_name_of_its_own_words_and_a_hint():
    names = [(own.cell, own.name) for own in CATALOGUE]
    assert len(set(names)) == len(names) >= 450
    for own in CATALOGUE:
        assert own.cell in (*CELLS, "any")
        assert re.fullmatch(r"\([1-7at]\)", own.equation), own
        assert own.words
        assert own.hint.endswith((".", "?"))
        assert own.lines[1] not in own.hint


def test_the_line_is_that_of_the_cell_file():
    own = next(own for own in CATALOGUE if own.name == "df-by-new-cell" and own.cell == "lstm")
    path, _, number = own.where.partition(":")
    text = (Path(__file__).parents[2] / path).read_text(encoding="utf-8")
    assert text.splitlines()[int(number) - 1].strip() == own.lines[0] == "df = dc * state.c  # (5)"
    assert own.lines[1] == "df = dc * new_state.c  # (5)"


def test_the_programs_of_courses_have_every_mistake():
    for cell in GATES:
        own = [mistake for mistake in CATALOGUE if mistake.cell == cell]
        assert {m.name for m in own if not m.is_in_loop} == slips(cell, False).keys()
        assert {m.name for m in own if m.is_in_loop} <= slips(cell, True).keys()


@pytest.mark.parametrize("loop", [False, True])
@pytest.mark.parametrize("cell", GATES)
def test_every_entry_computes_what_was_written_by_hand(cell, loop):
    how = {"style": "sequence", "cell": cell, "gates": GATES[cell]}
    layer = foreign(*functions(cell, "sequence"), **how)
    program = program_for(layer, None)
    fields = program.cell.state_sizes._fields
    point = drawn(Case(4, 2), program, fields, layer.params, None, np.random.default_rng(0))
    entries = {own.name: own for own in catalogue_of(cell)}
    for name, edits in slips(cell, loop).items():
        pair = functions(cell, "sequence", edits)
        layer.cell.forward, layer.cell.backward = map(Function, pair, ("forward", "backward"))
        found, written = run(program.built([entries[name]]), point), run(layer, point)
        compared = 1 if entries[name].is_forward else 2  # courses keep what their forward has read
        for one, other in zip(found[:compared], written[:compared], strict=True):
            for key, value in one.items():
                near = 1e-11 * max(np.abs(value).max(), np.abs(other[key]).max())
                assert np.abs(value - other[key]).max() <= near, (name, key)


# ---- naming ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("style", ["step", "sequence"])
def test_right_code_is_right(cell, style):
    found = course(cell, style)
    assert found.right, found
    assert "right: these are the numbers of" in str(found)


@pytest.mark.parametrize(("dtype", "scale"), [(np.float64, 100), (np.float32, 20)])
def test_saturated_and_large_right_code_is_right(dtype, scale):
    rng = np.random.default_rng(0)
    for cell in GATES:
        pair = functions(cell, "sequence")
        layer = foreign(*pair, style="sequence", cell=cell, gates=GATES[cell], dtype=dtype)
        layer.params = {n: (v * scale).astype(dtype) for n, v in layer.params.items()}
        x = (10 * rng.standard_normal((2, 6, 3))).astype(dtype)
        with np.errstate(over="ignore"):  # of exp in the course's sigmoid
            found = explain(layer, x=x)
        assert found.right, found


def test_two_expressions_that_give_the_same_are_named_together():
    found = course("lstm", "step", "do-sign")
    assert {own.name for own in found.named} == {"do-sign", "output-sign"}
    assert found.confident
    assert found.apart is None
    assert "the same computation on every input that was tried" in str(found)


def test_entries_that_are_the_same_here_are_told_apart_by_a_larger_input():
    found = course("lstm", "step", "all-means", steps=1, batch=1)
    assert found.right  # one row: nothing to average
    loop = slips("lstm", True)["carried-dh-not-added"]
    found = explain(*functions("lstm", "sequence", loop), style="sequence", steps=1)
    names = {own.name for own in found.named}
    assert {"carried-dh-not-added", "final-h-not-used"} <= names
    assert found.confident
    assert found.apart.steps == 2
    assert "x[0]" in found.apart_in
    assert f" with {found.apart}." in str(found)


LOOP = ["first-step-left-out", "last-step-left-out", "dW-overwritten", "dU-overwritten"]


@pytest.mark.parametrize("name", [*LOOP, "db-overwritten", "carried-dh-lost"])
def test_mistakes_of_the_loop_are_named_without_final_states(name):
    found = explain(*without_c(slips("lstm", True)[name]), style="sequence")
    assert name in [own.name for own in found.named]
    assert all(own.is_in_loop for own in found.named)
    assert found.confident


def test_what_is_not_returned_tells_no_mistakes_apart_and_the_loop_comes_first():
    found = explain(*without_c(slips("lstm", True)["carried-dc-not-added"]), style="sequence")
    names = [own.name for own in found.named]
    assert names[:2] == ["carried-dc-lost", "carried-dc-not-added"]
    assert {"dc-without-carry", "carried-dc-zero"} <= set(names[2:])
    assert found.apart is None
    assert not found.apart_in
    forward, backward = functions("lstm", "step", slips("lstm", False)["all-means"])

    def without_dWh_and_db(dh, dc, cache):
        return backward(dh, dc, cache)[:4]

    found = explain(forward, without_dWh_and_db)
    assert {own.name for own in found.named} == {"all-means", "dW-mean"}
    assert found.apart is None


def test_the_smallest_wrong_case_comes_first():
    found = course("lstm", "step", "dc-without-carry")
    assert str(found.case) == "T = 1, B = 1, initial states given, dc alone"
    assert "U.o" in found.agree
    assert {"U.i", "x", "c0"} <= set(found.wrong)
    loop = slips("lstm", True)["dx-one-step-late"]
    found = explain(*functions("lstm", "sequence", loop), style="sequence")
    assert found.case.steps == 2
    assert {own.split("[")[0] for own in found.wrong} == {"x"}


def test_a_slip_of_the_forward_and_a_mistake_of_the_backward():
    found = course("lstm", "step", "h-without-tanh", "df-by-new-cell")
    assert [own.name for own in found.forward] == ["h-without-tanh"]
    assert [own.name for own in found.named] == ["df-by-new-cell"]
    assert found.backward_fits is False
    assert "is not the derivative of your forward" in str(found)


def test_a_slip_of_the_forward_with_its_own_right_backward():
    class Bounded(LSTMCell):
        """``c`` passes through tanh, and so does its gradient."""

        def step(self, params, x, state, noise=None):
            new, gates = super().step(params, x, state)
            c = np.tanh(new.c)
            return LSTMState(gates.output * np.tanh(c), c), gates

        def step_backward(self, params, x, state, gates, new, dnew, noise=None):
            shown = np.tanh(new.c)
            dc = dnew.c + dnew.h * gates.output * tanh_derivative(shown)
            dc = dc * tanh_derivative(new.c)
            right = LSTMState(new.h, np.zeros_like(new.c))  # tanh(0): nothing through h
            back = super().step_backward(params, x, state, gates, right, LSTMState(0 * dc, dc))
            da_o = dnew.h * shown * gates.output * (1 - gates.output)
            back[0]["W"][self.gate_blocks("W")["output"]] = x.T @ da_o
            back[0]["U"][self.gate_blocks("U")["output"]] = state.h.T @ da_o
            back[0]["b"][self.gate_blocks("b")["output"]] = da_o.sum(axis=0)
            W, U = (params[n][self.gate_blocks(n)["output"]] for n in "WU")
            return back[0], back[1] + da_o @ W.T, LSTMState(back[2].h + da_o @ U.T, back[2].c)

    found = explain(Bounded(3, 4, rng=np.random.default_rng(0)))
    assert [own.name for own in found.forward] == ["tanh-of-the-new-cell"]
    assert found.backward_fits
    assert found.named == found.forward
    assert not found.right
    assert "only the forward is off" in str(found)


def test_the_order_of_the_gates_is_found_by_the_slip():
    found = course("lstm", "step", "h-without-tanh")
    assert [own.name for own in found.forward] == ["h-without-tanh"]
    assert "the gates are packed i, f, o, g" in found.notes


def test_what_is_not_returned_is_left_out_and_said():
    forward, backward = functions("lstm", "step", slips("lstm", False)["df-by-new-cell"])

    def without_b(dh, dc, cache):
        return backward(dh, dc, cache)[:-1]

    found = explain(forward, without_b)
    assert found.missing == ("b",)
    assert [own.name for own in found.named] == ["df-by-new-cell"]
    assert not found.confident
    assert "not returned, so not compared: db" in str(found)


def test_the_first_wrong_value_inside_the_step_is_named():
    forward, _ = functions("lstm", "step")
    old = "return dx, dprev_h, dprev_c, dWx, dWh, db"
    values = ["dx", "dprev_h", "dprev_c", "dWx", "dWh", "db"]
    pairs = ", ".join(f"'{value}': {value}" for value in values)
    inner = "'do': do, 'dc': dc, 'df': df, 'di': di, 'dg': dg"
    edits = [(old, f"return {{{pairs}, {inner}}}")]
    right = functions("lstm", "step", edits)[1]
    assert explain(forward, right).right
    # nothing of the catalogue: the value tells the line all the same
    wrong = functions("lstm", "step", [*edits, ("df = dc * prev_c", "df = dc * prev_c**2")])[1]
    found = explain(forward, wrong)
    assert found.first_wrong == ("df", "do", "dc")
    assert not found.named
    assert "df is the first that is wrong, after do, dc." in str(found)


class Telling(GRUCell):
    """Its ``dparams`` have inner values, too."""

    def step_backward(self, params, x, state, gates, new_state, dnew_state, noise=None):
        back = super().step_backward(params, x, state, gates, new_state, dnew_state)
        dz = dnew_state.h * (state.h - gates.candidate)
        return {**back[0], "dz": -dz}, *back[1:]


def test_a_cell_may_return_inner_values():
    found = explain(Telling(3, 4, rng=np.random.default_rng(0)))
    assert found.right  # its gradients are


# ---- as a whole --------------------------------------------------------------------------------

WHOLE = {
    "1/B": ("db = da.sum(axis=0)", "dWx, dWh, db = dWx / B, dWh / B, da.mean(axis=0)"),
    "2 times": ("db = da.sum(axis=0)", "db = 2 * da.sum(axis=0)"),
    "transposed gate by gate": slips("lstm", False)["dU-transposed"][0],
    "blocks of f and g exchanged": (
        "db = da.sum(axis=0)",
        "db = np.hstack((dai, dag, dao, daf)).sum(axis=0)",
    ),
    "single precision": ("db = da.sum(axis=0)", "db = da.astype('f4').sum(axis=0).astype('f8')"),
}


@pytest.mark.parametrize("words", WHOLE)
def test_relations_of_whole_gradients(words):
    found = explain(*functions("lstm", "step", [WHOLE[words]]), gates="ifog")
    assert any(words in relation for relation in found.relations), found
    assert "As a whole: d" in str(found)


def test_all_gradients_off_by_one_factor():
    edits = [("dh = dh_last", "dhs, dh_last = dhs / 8, dh_last / 8; dh = dh_last")]
    found = explain(*functions("rnn", "sequence", edits), cell="rnn", style="sequence")
    assert found.relations == ("all gradients are 0.125 times the right ones",)


# ---- wrong calls -------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
CALLS = [
    (lambda: explain(3), DtypeError, "code must be a cell, a layer, or two functions"),
    (lambda: explain(LSTMCell), DtypeError, "Build it first"),
    (lambda: explain(print), ArgumentError, "backward must be given"),
    (lambda: explain(LSTMCell(2, 3, rng=RNG), print), ArgumentError, "must be left out"),
    (lambda: explain(StackedLSTM(2, [3], rng=RNG)), ArgumentError, "one recurrent layer"),
    (lambda: explain(LSTMCell(2, 3, rng=RNG), cell="gru"), ArgumentError, "Is it another cell"),
    (lambda: explain(LSTMCell(2, 3, rng=RNG), cell="lstn"), ArgumentError, "Did you mean 'lstm'"),
    (lambda: explain(LSTMCell(2, 3, rng=RNG), steps=0), ArgumentError, "steps must be"),
    (lambda: explain(LSTMCell(2, 3, rng=RNG), batch=2.0), ArgumentError, "batch must be"),
    (lambda: explain(LSTMCell(2, 3, rng=RNG), rng=0), DtypeError, "rng must be"),
    (lambda: explain(LSTMCell(2, 3, rng=RNG), x=np.ones((2, 3))), ShapeError, "no time axis"),
    (
        lambda: explain(LSTMVariantCell(2, 3, Projection(2), rng=RNG)),
        ArgumentError,
        "plain, or have peepholes",
    ),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[2])
def test_wrong_calls_are_answered_in_words(call):
    run, kind, words = call
    with pytest.raises(kind, match=re.escape(words)):
        run()


def test_a_layer_a_cell_and_small_integers():
    cell = RNNCell(2, 3, rng=RNG)
    assert explain(Recurrent(cell), steps=np.int8(3), batch=np.int64(2)).right
    assert explain(LSTMVariantCell(2, 3, Peepholes(), rng=RNG)).cell == "peephole"
    assert explain(LSTMVariantCell(2, 3, rng=RNG)).cell == "lstm"
    assert explain(GRUCell(2, 3, rng=RNG, gate="softsign", candidate="elu")).right
    assert explain(Zoneout(LSTMCell(2, 3, rng=RNG), h=0.5)).right  # nothing is drawn
    assert explain(Recurrent(cell, return_sequences=False, learn_initial=True)).right


def test_nothing_of_the_user_is_changed():
    layer = Program("lstm", (3, 4), np.dtype(float), {}, {}).built([CATALOGUE[40]])
    before = dict(layer.params)
    explain(layer, x=np.ones((2, 3, 3)))
    assert all(layer.params[name] is value for name, value in before.items())
    assert "extras" not in vars(layer.cell)
