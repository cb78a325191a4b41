"""The legend, and the only place where user arrays are checked and errors are worded.

======  =============================  ======  =====================
letter  meaning                        letter  meaning
======  =============================  ======  =====================
``B``   batch                          ``H``   hidden size
``T``   time steps                     ``L``   layers
``D``   input size                     ``K``   outputs, classes
======  =============================  ======  =====================

Every error says where, what was expected, what came, and what to do. Checks run once, at the public
boundary; the functions behind it assume.
"""

from npstack.shapes.arguments import (
    FLOAT_DTYPES,
    check_dtype,
    check_fraction,
    check_generator,
    check_number,
    check_option,
    check_positive,
    check_size,
)
from npstack.shapes.arrays import (
    as_array,
    check_count,
    check_float,
    check_input,
    check_noise,
    check_noise_tree,
    check_params,
    check_symbol_range,
    check_symbols,
    check_tuple,
)
from npstack.shapes.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    LeakageError,
    NonFiniteError,
    NpstackError,
    ShapeError,
    TapeError,
    describe,
    fail,
)
from npstack.shapes.masks import (
    batch_first,
    check_bool_mask,
    check_finite,
    check_mask,
    check_no_mask,
    check_resets,
    zero_where_masked,
)

__all__ = [
    "FLOAT_DTYPES",
    "ArgumentError",
    "DataError",
    "DtypeError",
    "LeakageError",
    "NonFiniteError",
    "NpstackError",
    "ShapeError",
    "TapeError",
    "as_array",
    "batch_first",
    "check_bool_mask",
    "check_count",
    "check_dtype",
    "check_finite",
    "check_float",
    "check_fraction",
    "check_generator",
    "check_input",
    "check_mask",
    "check_no_mask",
    "check_noise",
    "check_noise_tree",
    "check_number",
    "check_option",
    "check_params",
    "check_positive",
    "check_resets",
    "check_size",
    "check_symbol_range",
    "check_symbols",
    "check_tuple",
    "describe",
    "fail",
    "zero_where_masked",
]
