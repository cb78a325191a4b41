"""Proof: gradient checks, laws, and a scalar oracle."""

from npstack.verify.gradients.check import gradcheck
from npstack.verify.gradients.layer_check import check_gradients
from npstack.verify.gradients.report import Report, Row
from npstack.verify.laws.check import LAWS, LawReport, check_laws
from npstack.verify.laws.trial import LawBroken, NotApplicable
from npstack.verify.other_code.adapt import foreign

__all__ = [
    "LAWS",
    "LawBroken",
    "LawReport",
    "NotApplicable",
    "Report",
    "Row",
    "check_gradients",
    "check_laws",
    "foreign",
    "gradcheck",
]
