"""Proof: gradient checks, laws, and a scalar oracle."""

from npstack.verify.gradcheck import gradcheck
from npstack.verify.lawcheck import LAWS, LawReport, check_laws
from npstack.verify.models import check_gradients
from npstack.verify.report import Report, Row
from npstack.verify.trial import LawBroken, NotApplicable

__all__ = [
    "LAWS",
    "LawBroken",
    "LawReport",
    "NotApplicable",
    "Report",
    "Row",
    "check_gradients",
    "check_laws",
    "gradcheck",
]
