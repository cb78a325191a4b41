"""Losses compared with PyTorch in float64: values and gradients, masks and weights, ≤ 64 eps."""

import numpy as np
import pytest

from tests.training.drawn_losses import LOSSES, SHAPES, draw

pytestmark = pytest.mark.frameworks
torch = pytest.importorskip("torch")


def theirs(name, predictions, targets, weights):
    """Sum of weight times loss over the sum of weights and outputs; gradient by autograd."""
    F = torch.nn.functional
    options = {"reduction": "none"}
    x = torch.tensor(predictions, requires_grad=True)
    y = torch.tensor(targets)
    w = torch.tensor(weights)
    if name == "softmax_cross_entropy":
        classes = x.shape[-1]
        each = F.cross_entropy(x.reshape(-1, classes), y.reshape(-1), **options).reshape(w.shape)
        value = (each * w).sum() / w.sum()
    else:
        function, more = {
            "mean_squared_error": (F.mse_loss, {}),
            "mean_absolute_error": (F.l1_loss, {}),
            "huber": (F.huber_loss, {}),
            "huber, 0.3": (F.huber_loss, {"delta": 0.3}),
            "binary_cross_entropy": (F.binary_cross_entropy_with_logits, {}),
        }[name]
        each = function(x, y, **options, **more)
        value = (each * w[..., None]).sum() / (w.sum() * x.shape[-1])
    value.backward()
    return value.item(), x.grad.numpy()


def distance(found, reference):
    """Norm-wise error in eps of float64."""
    error = np.abs(np.asarray(found) - reference).max()
    return error / max(np.abs(reference).max(), 1e-300) / np.finfo(float).eps


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("shape", [*SHAPES, (8, 20, 10)])
@pytest.mark.parametrize("options", ["", "mask", "weights", "mask weights"])
def test_value_and_gradient_are_those_of_pytorch(name, shape, options):
    for seed in range(5):
        predictions, targets, mask, weights = draw(name, shape, seed)
        predictions = 3 * predictions
        loss = LOSSES[name](
            predictions,
            targets,
            mask if "mask" in options else None,
            weights=weights if "weights" in options else None,
        )
        w = weights if "weights" in options else np.ones(shape[:-1])
        w = np.where(mask, w, 0) if "mask" in options else w
        value, gradient = theirs(name, predictions, targets, w)
        assert distance(loss.value, value) <= 64
        assert distance(loss.gradient, gradient) <= 64


def test_weights_of_classes_are_pytorchs():
    predictions, targets, _, _ = draw("softmax_cross_entropy", (6, 3))
    of_classes = np.array([0.2, 1.0, 3.0])
    loss = LOSSES["softmax_cross_entropy"](predictions, targets, weights=of_classes[targets])
    x = torch.tensor(predictions, requires_grad=True)
    function = torch.nn.functional.cross_entropy
    value = function(x, torch.tensor(targets), weight=torch.tensor(of_classes))
    value.backward()
    assert distance(loss.value, value.item()) <= 64
    assert distance(loss.gradient, x.grad.numpy()) <= 64
