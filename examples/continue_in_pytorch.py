"""Train a stack in npstack, go on in PyTorch, and bring it back.

    python examples/continue_in_pytorch.py

At each step, the stack says the mean of the last values of a noisy series. It learns this in
npstack for some epochs. Then its arrays become a ``torch.nn.LSTM``, which computes the same numbers
and takes more steps with PyTorch's optimiser. What comes back has its kernels bit for bit.
"""

import argparse
from importlib import import_module

import numpy as np

from npstack import Adam, Dense, Samples, Sequential, StackedLSTM, fit, mean_squared_error
from npstack.interop import agreement, capture, load, to_module, write

try:
    torch = import_module("torch")
except ImportError:  # --help works without it
    torch = None

STEPS, UNITS, MEMORY, EPOCHS, MORE = 24, 16, 5, 4, 60


def draw(rng, rows):
    """Series of noise, and the mean of the last values at each step."""
    x = rng.standard_normal((rows, STEPS, 1))
    before = np.pad(x, ((0, 0), (MEMORY - 1, 0), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(before, MEMORY, axis=1)
    return Samples(x, windows.mean(axis=-1))


def learn(data, rng):
    """Two layers and a linear map, trained in npstack."""
    stack = StackedLSTM(1, UNITS, 2, rng=rng)
    model = Sequential(stack, Dense(UNITS, 1, rng=rng))
    fit(model, data, epochs=EPOCHS, batch_size=16, rng=rng, optimiser=Adam(0.01))
    return model


def export(model):
    """The same model in PyTorch: an LSTM of two layers, and a linear map."""
    stack, dense = model.children.values()
    lstm = to_module(stack)
    head = torch.nn.Linear(UNITS, 1, dtype=torch.float64)
    with torch.no_grad():
        head.weight.copy_(torch.tensor(dense.params["W"].T))
        head.bias.copy_(torch.tensor(dense.params["b"]))
    return lstm, head


def go_on(lstm, head, data):
    """More steps on all data at once, in PyTorch."""
    x, y = torch.tensor(data.x), torch.tensor(data.y)
    adam = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=0.01)
    for _ in range(MORE):
        adam.zero_grad()
        loss = torch.nn.functional.mse_loss(head(lstm(x)[0]), y)
        loss.backward()
        adam.step()


def bring_back(lstm, head):
    """The stack and the linear map in npstack; PyTorch's two biases stay two."""
    dense = Dense(UNITS, 1, rng=np.random.default_rng(0))
    dense.params = {
        "W": head.weight.detach().numpy().T.copy(),
        "b": head.bias.detach().numpy().copy(),
    }
    return Sequential(load(lstm, biases="kept").layer, dense)


def error_of(model, data):
    """The mean squared error in npstack."""
    value, _ = mean_squared_error(model.forward(data.x).outputs, data.y)
    return value


def main():
    """The whole way; returns the errors on new series after each part of it."""
    rng = np.random.default_rng(0)
    data, new = draw(rng, 64), draw(rng, 64)
    model = learn(data, rng)
    lstm, head = export(model)

    recorded = capture(lstm, new.x[:8])[""]
    compared = agreement(model.children["0"], recorded)
    print(compared, "\n")
    assert compared.explained

    go_on(lstm, head, data)
    back = bring_back(lstm, head)
    again, _ = write(back.children["0"], "pytorch", biases="kept")
    for name, value in lstm.state_dict().items():
        assert again[name].tobytes() == value.numpy().tobytes(), name
    print("Every kernel and bias came back bit for bit.")

    outputs = head(lstm(torch.tensor(new.x))[0]).detach().numpy()
    difference = np.abs(back.forward(new.x).outputs - outputs).max()
    errors = error_of(model, new), error_of(back, new)
    print(f"Largest difference of the outputs: {difference:.1e}")
    print(
        f"Mean squared error on new series: {errors[0]:.4f} before PyTorch, {errors[1]:.4f} after"
    )
    return *errors, difference


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    if torch is None:
        raise SystemExit("This needs PyTorch: pip install torch")
    main()
