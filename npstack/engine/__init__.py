"""Fast twins of the layers that people train most, behind the same ``forward`` and ``backward``.

The readable path (`npstack.cells`, `npstack.layers`) is the source of truth; tests hold each twin
to it. Nothing is computed here that is not computed there.
"""

from npstack.engine.table import TWINS

__all__ = ["TWINS"]
