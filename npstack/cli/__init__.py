"""The command line: commands, what a file becomes, run folders, and the demo."""
