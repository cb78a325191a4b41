"""Proof: gradients, laws, the wrong line, other people's code, precision, a scalar oracle."""

from npstack.verify.gradients.check import gradcheck
from npstack.verify.gradients.layer_check import check_gradients
from npstack.verify.gradients.report import Report, Row
from npstack.verify.laws.check import LAWS, LawReport, check_laws
from npstack.verify.laws.trial import LawBroken, NotApplicable
from npstack.verify.mistakes.catalogue import CATALOGUE
from npstack.verify.mistakes.entry import Mistake
from npstack.verify.mistakes.explanation import Explanation
from npstack.verify.mistakes.naming import explain
from npstack.verify.other_code.adapt import foreign
from npstack.verify.precision.half_ulps import conditioning
from npstack.verify.precision.ladder import Judged, check_rounding
from npstack.verify.precision.layer_ladder import check_precision
from npstack.verify.precision.precision_report import PrecisionReport, PrecisionRow
from npstack.verify.precision.truth_of_layers import Truth, truth

__all__ = [
    "CATALOGUE",
    "LAWS",
    "Explanation",
    "Judged",
    "LawBroken",
    "LawReport",
    "Mistake",
    "NotApplicable",
    "PrecisionReport",
    "PrecisionRow",
    "Report",
    "Row",
    "Truth",
    "check_gradients",
    "check_laws",
    "check_precision",
    "check_rounding",
    "conditioning",
    "explain",
    "foreign",
    "gradcheck",
    "truth",
]
