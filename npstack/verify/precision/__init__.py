"""How many digits a result has: truth in more precision, conditioning, the ladder of precisions."""
