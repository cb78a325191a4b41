"""Data: series, windows, splits, scaling, sequences of different lengths, files, memory tasks."""

from npstack.core.errors import MissingPackageError
from npstack.data.datasets import Text, load
from npstack.data.highlighting import Statement, library_statements, tagged_statements
from npstack.data.labelled import Classification, Labelled, load_labelled_csv
from npstack.data.labelled_arrays import load_labelled_npz
from npstack.data.loaders import load_npz, load_text
from npstack.data.positions import Positions, window_positions
from npstack.data.ragged import Padded, by_length, pad, trim, unpad
from npstack.data.row_split import RowSplit, split_by_row
from npstack.data.scaling import MinMax, Scaler, Standardiser, scaler_from
from npstack.data.series import Scale, Series, load_sunspots
from npstack.data.splits import (
    Parts,
    TimeSplit,
    check_leakage,
    split_by_time,
)
from npstack.data.spoken import say_time, spoken_times
from npstack.data.synthetic import (
    Task,
    adding,
    adding_1997,
    copying,
    delayed_recall,
    temporal_order,
)
from npstack.data.table import Table, load_csv
from npstack.data.timeseries import load_ts
from npstack.data.windowing import Windows, windows

__all__ = [
    "Classification",
    "Labelled",
    "MinMax",
    "MissingPackageError",
    "Padded",
    "Parts",
    "Positions",
    "RowSplit",
    "Scale",
    "Scaler",
    "Series",
    "Standardiser",
    "Statement",
    "Table",
    "Task",
    "Text",
    "TimeSplit",
    "Windows",
    "adding",
    "adding_1997",
    "by_length",
    "check_leakage",
    "copying",
    "delayed_recall",
    "library_statements",
    "load",
    "load_csv",
    "load_labelled_csv",
    "load_labelled_npz",
    "load_npz",
    "load_sunspots",
    "load_text",
    "load_ts",
    "pad",
    "say_time",
    "scaler_from",
    "split_by_row",
    "split_by_time",
    "spoken_times",
    "tagged_statements",
    "temporal_order",
    "trim",
    "unpad",
    "window_positions",
    "windows",
]
