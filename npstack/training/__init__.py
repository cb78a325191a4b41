"""Training: epochs, optimisers, schedules, checkpoints, records."""
