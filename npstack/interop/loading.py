"""A model of any framework: its recurrent layers are listed, brought in, watched, saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from npstack.core.activations import Activation
from npstack.core.errors import ArgumentError, DataError, DtypeError, fail, kind_of
from npstack.core.numerics import Array
from npstack.files.paths import check_target
from npstack.files.strict_json import brief
from npstack.interop.files.by_suffix import read_file, write_file
from npstack.interop.files.stored import SPOILT
from npstack.interop.imported import Imported, Report, Row
from npstack.interop.keras_models import files as keras_files
from npstack.interop.keras_models.weights import stored_names, written_names
from npstack.interop.known_layouts import LAYOUTS
from npstack.interop.layout import USUAL, activation_of
from npstack.interop.opened import Opened, flattened
from npstack.interop.parts import RecurrentPart, arrays_of_part, parts_of_arrays
from npstack.interop.pieces import part_for
from npstack.interop.reading import read
from npstack.interop.recording import Recorded
from npstack.interop.writing import arrays_for
from npstack.layers import Layer

SAVED = "npstack_layer"  # the attribute in which `save` writes what the arrays do not say
USUAL_LAYOUTS = {
    ".onnx": "onnx",
    ".weights.h5": "keras",
    ".safetensors": "pytorch",
    ".npz": "pytorch",
}
TELL = "tell the framework: "
LIVE = "It must be a PyTorch module, a Keras model, an ONNX model, a path, or a dict of arrays."


class Framework(NamedTuple):
    """What knows one kind of model."""

    opened: Callable[[str, Any], Opened]
    capture: Callable[..., dict[str, Recorded]]


def _framework(where: str, model: Any) -> Framework | None:
    """What knows this kind of model; None for a dictionary, or a file that holds arrays."""
    families = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    is_path = isinstance(model, str | Path)
    if "keras" in families:  # before torch: with its PyTorch backend, a model is a module, too
        from npstack.interop.keras_models import capture as keras_capture
        from npstack.interop.keras_models import parts as keras_parts

        return Framework(keras_parts.opened, keras_capture.capture)
    if "torch" in families:
        from npstack.interop.pytorch_models import capture as pytorch_capture
        from npstack.interop.pytorch_models import parts as pytorch_parts

        return Framework(pytorch_parts.opened, pytorch_capture.capture)
    if "flax" in families and not isinstance(model, Mapping):
        from npstack.interop.jax_models import modules

        return Framework(modules.opened, _not_run)
    is_onnx = is_path and Path(model).suffix.lower() == ".onnx"
    if isinstance(model, bytes) or "onnx" in families or is_onnx:
        from npstack.interop.onnx_models import capture as onnx_capture
        from npstack.interop.onnx_models import graphs

        return Framework(graphs.opened, onnx_capture.capture)
    if is_path or isinstance(model, Mapping):
        return None
    return fail(DtypeError, where, "model must be a model", kind_of(model), LIVE)


def _not_run(model: Any, feed: Any, calls: int = 1) -> dict[str, Recorded]:
    """The capture of what is not watched while it runs."""
    expected = "model must be one that npstack can run"
    advice = (
        "Give the live model (of a .keras file, keras.models.load_model makes one); or put its "
        "input and outputs into Recorded(x, outputs); or inspect it without a feed."
    )
    return fail(DtypeError, "capture", expected, kind_of(model), advice)


def open_model(where: str, model: Any) -> Opened:
    """The recurrent layers of any model, which is looked at once."""
    own = _framework(where, model)
    if own is not None:
        return own.opened(where, model)
    if isinstance(model, Mapping):
        arrays, attributes = flattened(where, model), {}
    else:
        found = read_file(model)
        arrays, attributes = found.arrays, found.attributes
    if SAVED in attributes:
        saved, own_arrays = _saved_part(arrays, attributes[SAVED])
        return Opened((saved,), lambda part: own_arrays)
    of_keras = keras_files.opened(arrays, attributes)
    if of_keras is not None:
        return of_keras
    return Opened(parts_of_arrays(arrays), lambda part: arrays_of_part(arrays, part))


def bring_in(model: Any, opened: Opened, part: RecurrentPart, **options: Any) -> Imported:
    """A part of a model that is open, made into a layer."""
    told = {"cell": part.kind, "bidirectional": part.bidirectional, **part.attributes}
    where = str(model) if isinstance(model, str | Path) else type(model).__name__
    source = f"{part.name} of {where}" if part.name else where
    made = read(opened.arrays(part), part.layout, source=source, **{**told, **options})
    assumed = (*part.assumed, *made.report.assumed)
    report = replace(made.report, assumed=assumed, remarks=part.remarks)
    return replace(made, report=report)


def _saved_facts(layer: Layer | Imported, layout: str) -> dict[str, Any]:
    """What the arrays of `write` do not say of a layer, for JSON: options of `read`."""
    part = part_for(layer, layout, where="save")
    column = LAYOUTS[layout].column(part.kind)
    assert column is not None
    told: dict[str, Any] = {
        "layout": layout,
        "cell": part.kind,
        "bidirectional": part.bidirectional,
    }
    told |= {"layers": part.layers, **part.attributes}
    if "coupled" not in column.has:  # there, the forget gate has weights of its own
        told.pop("coupled", None)
    if part.kind == "lstm" and "coupled" not in told:
        told["forget_bias"] = column.forget_bias  # `write` stores the difference in the bias
    told["activations"] = {}
    for gate, value in {**USUAL[part.kind], **part.attributes["activations"]}.items():
        own = activation_of(value)
        config = own.config()
        if config.pop("type") != "Activation":
            expected = "activations must be those of the table in npstack.core.activations"
            advice = "Write the arrays with write, and tell the framework."
            fail(ArgumentError, "save", expected, repr(own), advice)
        told["activations"][gate] = config
    return told


def _saved_part(arrays: dict[str, Array], said: Any) -> tuple[RecurrentPart, dict[str, Array]]:
    """The part of a file that `save` wrote, with the sizes of its arrays; its arrays."""
    expected = f"the attribute {SAVED} must be as npstack.interop.save writes it"
    try:
        told = dict(said)
        layout = told.pop("layout")
        options = dict(told)
        options["activations"] = {
            gate: Activation(**own) for gate, own in told["activations"].items()
        }
        if {"dtype", "biases", "source"} & set(options):
            raise ValueError("an option that it does not write")
        given = written_names(arrays, told["cell"], bidirectional=told["bidirectional"])
        layer = read(given, layout, **options).layer
        attributes = {k: v for k, v in options.items() if k not in ("cell", "bidirectional")}
        return part_for(layer, layout)._replace(attributes=attributes), given
    except (TypeError, ValueError, AttributeError, LookupError) as error:  # npstack's among them
        return fail(DataError, "recurrent_parts", expected, brief(error).rstrip("."), SPOILT)


def recurrent_parts(model: Any) -> tuple[RecurrentPart, ...]:
    """Where the LSTMs, GRUs and RNNs of a model are.

    Parameters
    ----------
    model : torch.nn.Module, keras.Model, onnx.ModelProto, path, or dict of arrays
        A path ends in .onnx, .safetensors, .pt, .pth, .bin, .npz, .keras, .weights.h5 or .h5.

    Returns
    -------
    tuple of RecurrentPart
        In the order of the model; a part that cannot be brought in says why.

    Raises
    ------
    DataError, DtypeError
        The file cannot be read, or this is no model.
    MissingPackageError
        The package that reads it is not installed: ``pip install npstack[interop]``.

    Examples
    --------
    >>> arrays = {"lstm.weight_ih_l0": np.ones((8, 3)), "lstm.weight_hh_l0": np.ones((8, 2))}
    >>> print(*recurrent_parts(arrays))
    lstm: lstm 3 -> 2, pytorch
    """
    return open_model("recurrent_parts", model).parts


def load(model: Any, part: str | None = None, **options: Any) -> Imported:
    """Bring a recurrent layer of a model into npstack.

    Parameters
    ----------
    model
        As for `recurrent_parts`.
    part : str, optional
        Its name, if there are several.
    **options
        Of `read`, in place of what the model says: ``dtype``, ``biases``, ``activations`` …

    Returns
    -------
    Imported

    Raises
    ------
    ArgumentError
        There are several parts, or none of this name.
    DataError
        There is no recurrent layer, or it cannot be brought in: the message says why.

    Examples
    --------
    >>> arrays = {"lstm.weight_ih_l0": np.ones((8, 3)), "lstm.weight_hh_l0": np.ones((8, 2))}
    >>> load(arrays).layer
    LSTM(3 -> 2, 48 parameters)
    """
    opened = open_model("load", model)
    return bring_in(model, opened, opened.part("load", part), **options)


def capture(model: Any, feed: Any, *, calls: int = 1) -> dict[str, Recorded]:
    """Run a model, and record what its recurrent layers read and compute.

    Parameters
    ----------
    model : torch.nn.Module, keras.Model, onnx.ModelProto, or path of an ONNX model
    feed
        The input: an array, a tuple of arrays, or a dict by the names of the inputs.
    calls : int
        Which call of a layer that is called several times: 1 for the first.

    Returns
    -------
    dict of Recorded
        By the names of the parts.

    Raises
    ------
    DtypeError
        The model is a file or a dictionary of arrays, which cannot be run.
    """
    own = _framework("capture", model)
    if own is None:
        return _not_run(model, feed)
    found: dict[str, Recorded] = own.capture(model, feed, calls=calls)
    return found


def save(
    layer: Layer | Imported,
    path: str | Path,
    layout: str = "",
    *,
    biases: str = "input",
    dtype: DTypeLike | None = None,
    x: Array | None = None,
) -> Report:
    """Write a layer into a file of another framework; `load` gives the same layer again.

    What the arrays do not say, such as activations, is in an attribute of the file, which other
    programs do not read: the report says what to tell them. An ONNX file says it itself; of a
    stack, `load` gives each layer by itself then, and no node says what stands behind it, such as
    the last step or a sum of two directions. Give ``biases="kept"`` to both of them where
    there are two biases or none.

    Parameters
    ----------
    layer : Layer or Imported
    path : str or Path
        Ends in .safetensors, .weights.h5 or .npz, which hold arrays, or in .onnx. A file of this
        name is replaced.
    layout : str
        A name in ``LAYOUTS``; by default that which goes with the file: pytorch for .safetensors,
        keras for .weights.h5, onnx. Keras 3 reads such a file with ``load_weights``, into a
        ``keras.Sequential`` of the same layers.
    biases, dtype, x
        Of `write`. onnxruntime runs float32 only.

    Returns
    -------
    Report

    Raises
    ------
    CannotRepresent
        Something of the layer has no place there.
    ArgumentError, DataError
        The path cannot be written, or the layers of a stack compute with different functions.
    """
    where = "save"
    target = check_target(where, path)
    suffix = next((end for end in USUAL_LAYOUTS if target.name.lower().endswith(end)), None)
    if suffix is None:
        expected = f"the path must end with one of {', '.join(USUAL_LAYOUTS)}"
        advice = "For a .keras file, save to_model(layer) in Keras; for .pt, use .safetensors."
        fail(ArgumentError, where, expected, repr(target.name), advice)
    chosen = layout or USUAL_LAYOUTS[suffix]
    if suffix == ".onnx" and chosen != "onnx":
        expected = "an .onnx file must have the layout onnx"
        fail(ArgumentError, where, expected, repr(chosen), "Leave layout out.")
    arrays, report = arrays_for(where, layer, chosen, biases=biases, dtype=dtype, x=x)
    if suffix != ".onnx":
        facts = _saved_facts(layer, chosen)
        if (chosen, suffix) == ("keras", ".weights.h5"):
            arrays = stored_names(arrays, facts["cell"], bidirectional=facts["bidirectional"])
        write_file(target, arrays, {SAVED: facts})
        return report
    from npstack.interop.onnx_models.export import to_onnx

    to_onnx(layer, target, biases=biases, dtype=dtype)
    rows = [row._replace(done=row.done.replace(TELL, "in the file: ")) for row in report.rows]
    own = next(iter(arrays.values())).dtype
    if own != np.float32:
        said = f"onnxruntime does not run {own}: with dtype='float32' it runs the file"
        rows.append(Row("(dtype)", said, "§11.4", True))
    return replace(report, rows=tuple(rows))
