"""What setup.cfg cannot say: the wheel holds the notebooks, which stand beside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithNotebooks(build_py):
    """Copies `notebooks` into the package; an editable install reads them where they are."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for pattern in ("[0-9]*.ipynb", "solutions/[0-9]*.md"):
                for source in Path("notebooks").glob(pattern):
                    target = Path(self.build_lib, "npstack", source)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)


setup(cmdclass={"build_py": BuildWithNotebooks})
