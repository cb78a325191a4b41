"""Odd and hostile command lines, files and run folders, and what must become of each.

- `case`: what a case is, and what is right of it;
- `place`: the folders in which it happens, files and a trained run of each task in them;
- `of_words`, `of_files`, `of_folders`, `of_runs`, `of_systems`: the cases, with the exit code that
  `docs/commands.md` promises;
- `server`: runs them, each in a process of its own with little memory and little time.

``python -m tests.full_runs.odd_commands`` runs all of them.
"""
