"""Files of other frameworks, read without trust: arrays by name, and plain values."""
