"""What tests of ``npstack check FILE.py`` share."""

import pytest

from npstack.cli import main as cli

SMALL = ["--input-size", "2", "--hidden-size", "3", "--steps", "2"]


@pytest.fixture
def check(tmp_path, capsys):
    """Write a file and check it: the exit code and what is printed, on both streams."""

    def run(text, *options):
        path = tmp_path / "mine.py"
        path.write_text(text, encoding="utf-8")
        code = cli.main(["check", str(path), *SMALL, *options])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, printed.out, printed.err

    return run
