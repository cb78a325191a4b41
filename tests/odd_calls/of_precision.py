"""Truth, conditioning and the ladder of precisions."""

import npstack as nps
from npstack.verify import check_precision, check_rounding, conditioning, truth
from tests.odd_calls.calls import Call, draw, normal
from tests.odd_calls.kinds import SAME


def at_a_point(**more):
    return {"layer": nps.LSTM(1, 2, rng=draw()), "x": normal(1, 2, 1), "rng": draw(), **more}


POINT = {"layer": "layer", "x": "finite", "rng": "rng or None", "entries": "size or None"}
MOVES = {**POINT, "draws": "size", "only": "word or None"}
# A list of labels is usual, and so is one label.
ONLY = {("only", "a list of it"): SAME}

CALLS = {
    "truth": Call(
        lambda **given: repr(truth(**given).arrays),
        lambda: at_a_point(doutputs=normal(1, 2, 2), only="db", digits=20, entries=1),
        {
            **POINT,
            "doutputs": "finite or None",
            "only": "word or None",
            "digits": "size or None",
        },
        ONLY,
    ),
    "conditioning": Call(
        conditioning,
        lambda: at_a_point(doutputs=normal(1, 2, 2), only="db", draws=1, entries=1),
        {**MOVES, "doutputs": "finite or None"},
        ONLY,
    ),
    "check_precision": Call(
        check_precision,
        lambda: at_a_point(only="db", draws=1, entries=1, digits=20),
        {**MOVES, "digits": "size or None"},
        ONLY,
    ),
    "check_rounding": Call(
        check_rounding,
        lambda: {
            "found": normal(3, 2),
            "truth": normal(3, 2) * (1 + 2.0**-50),
            "conditioning": 2.0**-50,
            "eps": 2.0**-52,
            "own": normal(3, 2),
            "wider": normal(3, 2) * (1 + 2.0**-51),
            "wider_conditioning": 2.0**-60,
            "wider_eps": 2.0**-63,
            "size": 8.0,
        },
        {
            "found": "values",
            "truth": "values",
            "conditioning": "number",
            "eps": "number or None",
            "own": "values or None",
            "wider": "values or None",
            "wider_conditioning": "number or None",
            "wider_eps": "number or None",
            "size": "number or None",
        },
        {(name, "infinity"): None for name in ("conditioning", "wider_conditioning")},
    ),
}
