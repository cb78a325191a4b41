"""What a training run needs: epochs, optimisers, schedules, checkpoints, records."""
