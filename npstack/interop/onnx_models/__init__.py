"""Recurrent nodes of ONNX models: where they are, what they compute, and new models."""
