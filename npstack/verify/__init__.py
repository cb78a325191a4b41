"""Proof: gradient checks, laws, and a scalar oracle."""

from npstack.verify.gradcheck import gradcheck
from npstack.verify.models import check_gradients
from npstack.verify.report import Report, Row

__all__ = ["Report", "Row", "check_gradients", "gradcheck"]
