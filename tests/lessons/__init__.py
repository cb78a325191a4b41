"""Exercises and the grader."""
