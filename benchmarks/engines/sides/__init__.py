"""The programs that are compared: each computes the same stack of LSTM layers."""
