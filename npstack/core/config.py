"""Configurations: the arguments of an object in plain values, to build it again."""

from __future__ import annotations

import copy
import inspect
from functools import cache
from numbers import Real
from typing import Any, Self

import numpy as np

from npstack.core.errors import ArgumentError, describe
from npstack.core.keywords import check_keywords

TYPE = "type"  # the key for the class in a configuration


class Unnamed(str):
    """A placeholder for an argument that JSON cannot hold, with its description."""


class Configured:
    """Base of layers, cells and their parts: `config` is made of the constructor's arguments.

    A subclass needs no code for it. Only a class that is built from something without a name (a
    function, an array) defines ``config``, and `from_config` as its inverse.
    """

    # The generator of the parameters is not part of the configuration.
    of_drawing: frozenset[str] = frozenset({"kernel_init", "recurrent_init", "bias_init"})
    _given: dict[str, Any] | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        check_keywords(cls.__name__, _constructor(cls.__mro__), kwargs)
        self = super().__new__(cls)
        object.__setattr__(self, "_given", cls._plain(args, kwargs))  # in frozen ones, too
        return self

    @classmethod
    def _plain(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
        """The arguments as plain values; None if they do not fit the constructor."""
        try:
            bound = _signature(cls.__mro__).bind(*args, **kwargs)
        except TypeError:
            return None
        bound.apply_defaults()
        given: dict[str, Any] = {}
        for name, parameter in bound.signature.parameters.items():
            value = bound.arguments[name]
            given |= value if parameter.kind is parameter.VAR_KEYWORD else {name: value}
        return {
            name: Unnamed("a generator that is not called rng")
            if isinstance(own, np.random.Generator) and name != "rng"
            else as_plain(own)
            for name, own in given.items()
            if name not in cls.of_drawing
        }

    def config(self) -> dict[str, Any]:
        """The arguments with which ``npstack.build`` makes the same object again, for JSON.

        It has no parameters (weights), which are in ``params``; so ``rng`` is None. It contains
        the arguments of the constructor; attributes that were changed later are an error.

        Raises
        ------
        ArgumentError
            It was built from something without a name, such as a function.

        Examples
        --------
        >>> from npstack import GRU
        >>> config = GRU(3, 4, rng=np.random.default_rng(0)).config()
        >>> config["type"], config["input_size"], config["reset"]
        ('GRU', 3, 'after')
        """
        where = f"{type(self).__name__}.config"
        if self._given is None or TYPE in self._given:
            expected = (
                f"the arguments of its constructor must be known, and none be called {TYPE!r}"
            )
            advice = "Write config() and from_config()."
            raise ArgumentError(where, expected, "other arguments", advice)
        for name, value in self._given.items():
            now = vars(self).get(name, value)
            simple = isinstance(value, bool | int | float) and isinstance(now, bool | int | float)
            if simple and now != value:
                advice = "Build another one with this value."
                raise ArgumentError(
                    where, f"{name} must be as it was built, {value!r}", now, advice
                )
        for path, value in _leaves("", self._given):
            if isinstance(value, Unnamed):
                expected = f"{path} must be a number, a word, a layer, a cell, or a list of such"
                advice = (
                    "It cannot be written into a file: make it in the constructor of a class of "
                    "your own, or write config() and from_config()."
                )
                raise ArgumentError(where, expected, str(value), advice)
        return {TYPE: type(self).__name__, **copy.deepcopy(self._given)}

    @classmethod
    def from_config(cls, arguments: dict[str, Any]) -> Self:
        """Build from the result of `config`, with its parts already built; ``type`` is left out."""
        parameters = _signature(cls.__mro__).parameters.values()
        listed = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
        placed = [
            p.name
            for p in parameters
            if p.kind is p.POSITIONAL_ONLY or (listed and p.kind is p.POSITIONAL_OR_KEYWORD)
        ]
        given = dict(arguments)
        many = given.pop(listed[0], []) if listed else []
        return cls(*(given.pop(name) for name in placed if name in given), *many, **given)


def _constructor(mro: tuple[type, ...]) -> Any:
    """The constructor of a class, from the class and its bases."""
    return next(vars(base)["__init__"] for base in mro if "__init__" in vars(base))


def arguments_of(kind: type[Configured]) -> tuple[list[str], str | None]:
    """The required arguments of a configuration: those without a default, and ``*args``.

    They are unknown for a class with its own `from_config`.
    """
    if vars(Configured)["from_config"].__func__ is not kind.from_config.__func__:  # type: ignore[attr-defined]
        return [], None
    parameters = _signature(kind.__mro__).parameters.values()
    many = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL]
    single = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return [p.name for p in single if p.default is p.empty], many[0] if many else None


@cache
def _signature(mro: tuple[type, ...]) -> inspect.Signature:
    """The arguments of a class, from the class and its bases."""
    constructor = _constructor(mro)
    if constructor is object.__init__:
        return inspect.Signature()
    everything = inspect.signature(constructor)  # ``self`` comes first
    return everything.replace(parameters=list(everything.parameters.values())[1:])


def as_plain(value: object) -> Any:
    """A value for JSON: numbers, words, lists, configurations; otherwise a placeholder.

    Examples
    --------
    >>> as_plain((np.int64(3), np.float32, "tanh")), as_plain(len)
    ([3, 'float32', 'tanh'], '<built-in function len> (builtin_function_or_method)')
    """
    if isinstance(value, np.random.Generator):
        return None  # parameters are given when it is built again, not drawn
    if isinstance(value, np.bool_ | np.integer | np.str_):
        return value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Real):  # NumPy's floats, fractions
        return float(value)
    is_dtype = isinstance(value, type) and issubclass(value, np.generic | float | complex)
    if isinstance(value, np.dtype) or is_dtype or value is object:
        return np.dtype(value).name  # type: ignore[call-overload]
    if isinstance(value, dict):
        return {str(key): as_plain(own) for key, own in value.items()}
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.size < 1000:
        return value.tolist()
    if isinstance(value, list | tuple | range):
        return [as_plain(own) for own in value]
    if isinstance(value, Configured):
        try:
            return value.config()
        except ArgumentError:  # reported when it is used, with its place
            return {TYPE: type(value).__name__, **(value._given or {"?": Unnamed(describe(value))})}
    return Unnamed(describe(value))


def _leaves(path: str, value: Any) -> Any:
    """Every single value of nested lists and dictionaries, and its place."""
    if isinstance(value, dict):
        for key, own in value.items():
            yield from _leaves(f"{path}.{key}" if path else key, own)
    elif isinstance(value, list):
        for k, own in enumerate(value):
            yield from _leaves(f"{path}[{k}]", own)
    else:
        yield path, value
