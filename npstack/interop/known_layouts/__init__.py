"""The layouts that npstack knows, by name: gate orders, orientations, biases, forms.

This is the only place of the package that holds them. Each row of a layout has its clause in
docs/specification.md; layouts with ``live=True`` are held against the running framework by tests.
"""

from __future__ import annotations

from npstack.interop.known_layouts import jax_like, keras_like, older, onnx_like, torch_like
from npstack.interop.layout import Layout

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        torch_like.PYTORCH,
        torch_like.PYTORCH_CELL,
        keras_like.KERAS_3,
        onnx_like.ONNX,
        torch_like.JAX,
        jax_like.LINEN,
        jax_like.NNX,
        keras_like.KERAS_2,
        keras_like.KERAS_2_CUDNN,
        older.TF1,
        older.DYNET,
        jax_like.HAIKU,
        jax_like.EQUINOX,
        torch_like.CUDNN,
        onnx_like.OPENVINO,
        torch_like.MXNET,
        older.COREML,
        older.LASAGNE,
    )
}
