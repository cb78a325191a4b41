"""The command line: commands, tasks, run folders, and the demo."""
