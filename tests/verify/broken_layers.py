"""Layers that are wrong on purpose, one for each law: the laws must notice."""

import numpy as np

from npstack import LSTM, Dense, Dropout
from npstack.core.masks import zero_where_masked
from npstack.core.tape import Tape

RNG = np.random.default_rng(0)


class LooksAhead(LSTM):
    """Reads the sequence from its end."""

    def _forward(self, params, x, context):
        return super()._forward(params, x[:, ::-1].copy(), context)


class SendsGradientAhead(LSTM):
    """Gives every gradient to the step after."""

    def _backward(self, tape, doutputs, dfinal):
        dparams, dx, dstates = super()._backward(tape, doutputs, dfinal)
        return dparams, np.roll(dx, 1, axis=1), dstates


class CountsSteps(LSTM):
    """Adds the number of the step to its input, counted from where the call begins."""

    def _forward(self, params, x, context):
        x = x + np.arange(x.shape[1])[:, np.newaxis]
        return super()._forward(params, x, context)


class ForgetsInitialGradient(LSTM):
    """Returns zeros as the gradient of the initial state."""

    def _backward(self, tape, doutputs, dfinal):
        dparams, dx, (dstate,) = super()._backward(tape, doutputs, dfinal)
        return dparams, dx, (type(dstate)(*map(np.zeros_like, dstate)),)


class RunsOnThroughResets(LSTM):
    """Knows of no resets."""

    def _forward(self, params, x, context):
        return super()._forward(params, x, context._replace(resets=None))


class LeaksPadding(Dropout):
    """Takes the mean of each row, padding included, from the whole row."""

    def forward(self, x, states=None, *, mask=None, **others):
        mean = np.minimum(np.nan_to_num(x, nan=7.0), 9.0).mean(axis=1, keepdims=True)
        return super().forward(x - mean, states, mask=mask, **others)


class AddsBiasToPadding(Dense):
    """Leaves its bias at masked steps."""

    def _forward(self, params, x, context):
        tape = super()._forward(params, x, context)
        return Tape(params, x, context.mask, tape.x @ params["W"] + params["b"], None)


class SendsGradientToPadding(Dense):
    """Adds a tiny number to every gradient."""

    def _backward(self, tape, doutputs, dfinal):
        dparams, dx, _ = super()._backward(tape, doutputs, dfinal)
        return dparams, dx + 1e-300, ()


class RunsOnThroughPadding(LSTM):
    """Keeps the cell running where the sequence is masked, as some frameworks do."""

    def _forward(self, params, x, context):
        tape = super()._forward(params, x, context._replace(mask=np.ones_like(context.mask)))
        outputs = zero_where_masked(tape.outputs, context.mask)
        return type(tape)(**{**vars(tape), "mask": context.mask, "outputs": outputs})


class CentresOverTime(Dropout):
    """Takes the mean of each row over all steps, the padding counted as zeros."""

    def _forward(self, params, x, context):
        centred = zero_where_masked(x - x.mean(axis=1, keepdims=True), context.mask)
        return super()._forward(params, centred, context)


class LosesLastStepOfLengths(LSTM):
    """Reads lengths as one too short."""

    def forward(self, x, states=None, *, lengths=None, **others):
        lengths = None if lengths is None else np.asarray(lengths) - 1
        return super().forward(x, states, lengths=lengths, **others)


class CentresOverBatch(Dropout):
    """Takes the mean over the batch."""

    def _forward(self, params, x, context):
        return super()._forward(params, x - x.mean(axis=0), context)


class RanksUnits(LSTM):
    """Scales each unit's gradient by the unit's number."""

    def _backward(self, tape, doutputs, dfinal):
        return super()._backward(tape, doutputs * np.arange(doutputs.shape[-1]), dfinal)


class WorksOnlyAlone(Dense):
    """Does part of its work in the public method, which a composite does not call."""

    def forward(self, x, *arguments, **others):
        return super().forward(2 * x, *arguments, **others)


class ReturnsCopyOfWeights(Dense):
    """A real accident: the gradient is an offset copy of the weights."""

    def _backward(self, tape, doutputs, dfinal):
        return (
            {name: value + 1 for name, value in tape.params.items()},
            doutputs @ tape.params["W"].T,
            (),
        )


class ClipsQuietly(Dense):
    """Clips its gradient."""

    def _backward(self, tape, doutputs, dfinal):
        return super()._backward(tape, np.clip(doutputs, -0.5, 0.5), dfinal)


class SwapsNames(LSTM):
    """Returns the transposed gradient of a square matrix under its name."""

    def _backward(self, tape, doutputs, dfinal):
        dparams, dx, dstates = super()._backward(tape, doutputs, dfinal)
        return {**dparams, "U": dparams["U"].T}, dx, dstates


class RemembersState(LSTM):
    """Begins with the final state of the last call."""

    last = None

    def _forward(self, params, x, context):
        if self.last is not None and self.last.h.shape == context.states[0].h.shape:
            context = context._replace(states=(self.last,))
        tape = super()._forward(params, x, context)
        self.last = tape.final
        return tape


class WritesIntoInput(Dropout):
    """Scales what it was given in place."""

    def forward(self, x, *arguments, **others):
        x *= 1
        return super().forward(x, *arguments, **others)


class KeepsInputByReference(Dropout):
    """Puts the caller's array on the tape."""

    def forward(self, x, *arguments, **others):
        tape = super().forward(x, *arguments, **others)
        return Tape(tape.params, x, tape.mask, x, None)


class UsesParametersOfTheDay(Dense):
    """Takes its own parameters backward, not the tape's."""

    def _backward(self, tape, doutputs, dfinal):
        dparams, _, states = super()._backward(tape, doutputs, dfinal)
        return dparams, doutputs @ self.params["W"].T, states


class IgnoresGivenParameters(Dense):
    """Takes its own parameters forward, not those it is given."""

    def _forward(self, params, x, context):
        return super()._forward(self.params, x, context)


class HiddenDice(Dropout):
    """Draws from its own generator."""

    def _forward(self, params, x, context):
        context = context._replace(rng=context.rng and RNG)
        return super()._forward(params, x, context)


class ForgetsNoise(Dropout):
    """Draws, but does not put the draws to use when it gets them back."""

    def _forward(self, params, x, context):
        tape = super()._forward(params, x, context)
        return tape if context.rng else Tape(params, x, context.mask, x, tape.noise)


def _lstm(kind):
    return kind(3, 4, rng=np.random.default_rng(1))


def _dense(kind):
    return kind(3, 4, rng=np.random.default_rng(1))


def _dropout(kind):
    return kind(0.5)


BROKEN = {
    "causality": _lstm(LooksAhead),
    "gradients_never_flow_forward_in_time": _lstm(SendsGradientAhead),
    "splitting_and_carrying_state": _lstm(CountsSteps),
    "backward_in_pieces_is_backward_at_once": _lstm(ForgetsInitialGradient),
    "a_reset_begins_a_new_sequence": _lstm(RunsOnThroughResets),
    "padding_is_irrelevant": _dropout(LeaksPadding),
    "masked_steps_give_zero": _dense(AddsBiasToPadding),
    "masked_steps_get_zero_gradient": _dense(SendsGradientToPadding),
    "masked_steps_hold_the_state": _lstm(RunsOnThroughPadding),
    "padded_equals_alone": _dropout(CentresOverTime),
    "an_open_mask_is_no_mask": _lstm(LosesLastStepOfLengths),
    "batch_is_a_loop": _dropout(CentresOverBatch),
    "permuting_hidden_units": _lstm(RanksUnits),
    "a_sequence_of_one_layer_is_that_layer": _dense(WorksOnlyAlone),
    "zero_gradient_in_zero_out": _dense(ReturnsCopyOfWeights),
    "backward_is_linear": _dense(ClipsQuietly),
    "gradients_mirror_what_went_in": _lstm(SwapsNames),
    "second_call_equals_first": _lstm(RemembersState),
    "arguments_are_never_modified": _dropout(WritesIntoInput),
    "a_tape_owns_its_arrays": _dropout(KeepsInputByReference),
    "a_tape_stays_true_after_parameters_change": _dense(UsesParametersOfTheDay),
    "given_parameters_are_like_own": _dense(IgnoresGivenParameters),
    "same_seed_same_bits": _dropout(HiddenDice),
    "noise_repeats_the_pass": _dropout(ForgetsNoise),
}
