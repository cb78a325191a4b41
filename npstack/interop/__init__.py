"""Recurrent layers of other frameworks: bring them in, see inside, take them home again.

Mapping arrays that are in hand imports nothing but NumPy. What needs a framework, or reads its
files, imports it when it is called.
"""

from typing import TYPE_CHECKING

from npstack.core.lazy import lazy

if TYPE_CHECKING:
    from npstack.interop.candidates import Reading, nearest, readings
    from npstack.interop.comparison import Agreement, agreement
    from npstack.interop.imported import Imported, Report, Row
    from npstack.interop.inspection import Inspected, inspect
    from npstack.interop.jax_models.vectors import join_vector, split_vector
    from npstack.interop.keras_models.export import to_model
    from npstack.interop.known_layouts import LAYOUTS
    from npstack.interop.layout import Column, Entry, Layout
    from npstack.interop.loading import capture, load, recurrent_parts, save
    from npstack.interop.onnx_models.export import to_onnx
    from npstack.interop.parts import RecurrentPart
    from npstack.interop.pytorch_models.export import to_module
    from npstack.interop.reading import read
    from npstack.interop.recording import Recorded
    from npstack.interop.refusals import CannotRepresent
    from npstack.interop.writing import write

_HOMES = {
    "npstack.interop.comparison": "Agreement agreement",
    "npstack.interop.jax_models.vectors": "join_vector split_vector",
    "npstack.interop.imported": "Imported Report Row",
    "npstack.interop.inspection": "Inspected inspect",
    "npstack.interop.keras_models.export": "to_model",
    "npstack.interop.layout": "Column Entry Layout",
    "npstack.interop.known_layouts": "LAYOUTS",
    "npstack.interop.loading": "capture load recurrent_parts save",
    "npstack.interop.onnx_models.export": "to_onnx",
    "npstack.interop.parts": "RecurrentPart",
    "npstack.interop.reading": "read",
    "npstack.interop.candidates": "Reading nearest readings",
    "npstack.interop.recording": "Recorded",
    "npstack.interop.refusals": "CannotRepresent",
    "npstack.interop.pytorch_models.export": "to_module",
    "npstack.interop.writing": "write",
}

__all__ = [
    "LAYOUTS",
    "Agreement",
    "CannotRepresent",
    "Column",
    "Entry",
    "Imported",
    "Inspected",
    "Layout",
    "Reading",
    "Recorded",
    "RecurrentPart",
    "Report",
    "Row",
    "agreement",
    "capture",
    "inspect",
    "join_vector",
    "load",
    "nearest",
    "read",
    "readings",
    "recurrent_parts",
    "save",
    "split_vector",
    "to_model",
    "to_module",
    "to_onnx",
    "write",
]

__getattr__, __dir__ = lazy(__name__, _HOMES)
