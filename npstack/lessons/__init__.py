"""Exercises that people write in plain NumPy, and a grader that says which equation is wrong."""

from npstack.lessons.checking import Verdict, check
from npstack.lessons.exercises import exercise
from npstack.lessons.grading import grade
from npstack.lessons.sheet import Grade, Mark

__all__ = ["Grade", "Mark", "Verdict", "check", "exercise", "grade"]
