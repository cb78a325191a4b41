"""How a thing says what it was built of, in plain values, so that it can be built again."""

from __future__ import annotations

import inspect
from typing import Any, Self

import numpy as np

from npstack.core.errors import ArgumentError, describe

TYPE = "type"  # the name under which a configuration says what it is of


class Configured:
    """Base of layers, cells and their parts: `config` is made of the constructor's arguments.

    A subclass need not write anything for it. One that is built from something that has no name
    (a function, an array) writes ``config`` itself, and `from_config` as its inverse.
    """

    _given: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        object.__setattr__(self, "_given", (args, kwargs))  # frozen ones, too
        return self

    def config(self) -> dict[str, Any]:
        """What ``npstack.build`` makes the same again of: plain values, ready for JSON.

        Parameters (weights) are not in it; ``params`` has them.

        Examples
        --------
        >>> from npstack import GRU
        >>> config = GRU(3, 4, rng=np.random.default_rng(0)).config()
        >>> config["type"], config["input_size"], config["reset"]
        ('GRU', 3, 'after')
        """
        args, kwargs = self._given
        bound = _signature(type(self)).bind(*args, **kwargs)
        bound.apply_defaults()
        given: dict[str, Any] = {}
        for name, parameter in bound.signature.parameters.items():
            value = bound.arguments[name]
            given |= value if parameter.kind is parameter.VAR_KEYWORD else {name: value}
        where = f"{type(self).__name__}.config"
        plain = {
            name: as_plain(where, name, value)
            for name, value in given.items()
            if not isinstance(value, np.random.Generator)
        }
        return {TYPE: type(self).__name__, **plain}

    @classmethod
    def from_config(cls, arguments: dict[str, Any]) -> Self:
        """Build from what `config` said, its own parts built already; ``type`` is left out."""
        parameters = _signature(cls).parameters
        listed = [p.name for p in parameters.values() if p.kind is p.VAR_POSITIONAL]
        before = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        given = dict(arguments)
        if not listed:
            return cls(**given)
        many = given.pop(listed[0], [])
        return cls(*(given.pop(name) for name in before if name in given), *many, **given)


def _signature(kind: type) -> inspect.Signature:
    """What a class is built from."""
    constructor = next(vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base))
    if constructor is object.__init__:
        return inspect.Signature()
    everything = inspect.signature(constructor)  # ``self`` comes first
    return everything.replace(parameters=list(everything.parameters.values())[1:])


def as_plain(where: str, name: str, value: object) -> Any:
    """A value as JSON has it: numbers, words, lists, configurations; or a refusal in words."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Configured):
        return value.config()
    if isinstance(value, np.bool_ | np.integer | np.floating):
        return value.item()
    if isinstance(value, np.dtype):
        return value.name
    if isinstance(value, type) and issubclass(value, np.generic):
        return np.dtype(value).name
    if isinstance(value, dict):
        return {str(key): as_plain(where, f"{name}[{key!r}]", own) for key, own in value.items()}
    if isinstance(value, list | tuple | range | np.ndarray):
        return [as_plain(where, f"{name}[{k}]", own) for k, own in enumerate(value)]
    expected = f"{name} must be a number, a word, a layer, a cell, or a list of such"
    advice = "What has no name cannot be written down; write config() and from_config() for it."
    raise ArgumentError(where, expected, describe(value), advice)
