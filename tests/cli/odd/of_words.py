"""Odd words: options that are missing, misspelt, another command's, out of range, or no numbers."""

from __future__ import annotations

from tests.cli.odd.case import BAD_DATA, OK, USAGE, Case

QUIET = " --epochs 2 --quiet --no-pictures"
FORECAST = "train sales.csv --task forecast --target sold --window 5 --layers 4,3" + QUIET
CLASSIFY = "train signs.csv --task classify --layers 4,3" + QUIET
TEXT = "train rhyme.txt --task text --layers 5,4 --embedding 3 --batch-size 4 --span 8" + QUIET
MADE = {FORECAST: "sales-forecast", CLASSIFY: "signs-classify", TEXT: "rhyme-text"}
NINES = "9" * 5000


def _refused(base: str, option: str, values: list[str], code: int = USAGE) -> list[Case]:
    """A command with each of some values for an option."""
    return [Case([*base.split(), f"{option}={value}"], code) for value in values]


def _fine(base: str, option: str, values: list[str]) -> list[Case]:
    """The same where each value is right, though odd."""
    return [Case([*base.split(), f"{option}={value}"], OK, makes=(MADE[base],)) for value in values]


NO_COMMANDS = [
    Case(line, USAGE)
    for line in (
        "",
        "fly",
        "trian sales.csv",
        "--verson",
        "-",
        "--",
        "''",
        "train",
        "train sales.csv",
        "train sales.csv --task",
        "train sales.csv --task fly",
        "train --task forecast",
        "train sales.csv rhyme.txt --task text",
        "train --resume",
        "train sales.csv --task forecast --out",
        "predict",
        "plot",
        "plot f sales.csv more",
        "demo fly",
        "check fly fly",
        "check sales.csv --dropout 0.1",
        "check --gates ifog",
        "predict f",
        "predict c",
        "demo text --overwrite",
        "train --resume --out f --task text",
        "train --resume --out f --layers 9",
        "train --resume --out f --seed 5",
        "train --resume --out t --epochs 9",
        "predict f sales.csv --length 5",
        "predict c signs.csv --seed 5",
        FORECAST + " --span 8",
        FORECAST + " --sequence x",
        CLASSIFY + " --horizon 2",
        TEXT + " --target sold",
        "train sales.csv --task forecast",
    )
]
NAMES = [
    Case("train --resume --out nowhere", BAD_DATA, "no such folder"),
    Case("predict nowhere", BAD_DATA, "no such folder"),
    Case("plot nowhere", BAD_DATA, "no such folder"),
    Case("predict sales.csv", BAD_DATA),
    Case("check fly", BAD_DATA, "no such file"),
    Case("check sales.csv", BAD_DATA, "it must"),
    Case("check rhyme.txt", BAD_DATA, "SyntaxError"),
    Case("check f", BAD_DATA, "a folder"),
    Case("check f/config.json", BAD_DATA, "NameError"),
    Case("check f/checkpoint.npz", BAD_DATA, "SyntaxError"),
    Case(["check", "\x1b[2J"], BAD_DATA, "no such file"),
    Case(["check", ""], USAGE),
    Case("plot .", BAD_DATA, "no config.json"),
    Case("predict . sales.csv", BAD_DATA, "no config.json"),
    Case("train none.csv --task forecast", BAD_DATA, "none.csv"),
    Case("predict f none.csv", BAD_DATA, "none.csv"),
    Case("plot f none.csv", BAD_DATA, "none.csv"),
    Case("plot f rhyme.txt", BAD_DATA, "other bytes"),
    Case("train signs.csv --resume --out f", BAD_DATA, "other bytes"),
    Case(FORECAST + " --target none", BAD_DATA, "'none'"),
    Case(FORECAST + " --target day", BAD_DATA),
    Case(FORECAST + " --inputs none", BAD_DATA, "'none'"),
    Case(FORECAST + " --inputs sold,day", BAD_DATA),
    Case(FORECAST + " --inputs sold,sold", USAGE),
    Case(CLASSIFY + " --target none", BAD_DATA),
    Case(CLASSIFY + " --target u", BAD_DATA),
    Case(CLASSIFY + " --sequence none", BAD_DATA),
    Case(CLASSIFY + " --inputs none", BAD_DATA),
    Case(CLASSIFY + " --inputs label", BAD_DATA),
    Case(["predict", "t", "--prompt", ""], USAGE),
    Case(["predict", "t", "--prompt", "ß"], BAD_DATA, "U+00DF"),
    Case(["predict", "t", "--prompt", "\x1b[2J"], BAD_DATA),
    Case(["predict", "t", "--prompt", "\udcff"], BAD_DATA),
    Case([*FORECAST.split(), "--target=\x1b[2J"], BAD_DATA),
    Case([*FORECAST.split(), "--target=a\nb"], BAD_DATA),
    Case([*FORECAST.split(), "--target="], BAD_DATA),
    Case([*FORECAST.split(), "--target=\udcff"], BAD_DATA),
]
NUMBERS = [
    *_refused(FORECAST, "--layers", ["0", "-1", "4,", ",4", "4,,3", "4.5", "1e3", "a", "", "nan"]),
    *_refused(FORECAST, "--layers", ["4 3", "0x10", "∞", "200000", "200000,200000", "1000000000"]),
    *_refused(FORECAST, "--layers", ["99999999999", NINES, ",".join("1" * 101), "[4,3]"]),
    *_refused(FORECAST, "--epochs", ["0", "-1", "1.5", "1e3", str(10**30), NINES, "", "nan", "+3"]),
    *_refused(FORECAST, "--patience", ["0", "two"]),
    *_refused(FORECAST, "--batch-size", ["0", "-5", str(10**12)]),
    *_refused(FORECAST, "--learning-rate", ["nan", "inf", "-inf", "0", "-1", "1e400", "", "1,5"]),
    *_refused(FORECAST, "--learning-rate", ["0x1p-3"]),
    Case(FORECAST + " --learning-rate 1e300", USAGE, makes=("sales-forecast",)),
    *_refused(FORECAST, "--dropout", ["1", "1.5", "-0.1", "nan", ""]),
    *_refused(FORECAST, "--clip-norm", ["0", "-1", "nan", "inf"]),
    *_refused(FORECAST, "--validation", ["0", "1", "2", "nan", "-0.1", "0.9"]),
    *_refused(FORECAST, "--validation", ["1e-9", "0.84"], BAD_DATA),
    *_refused(FORECAST, "--dtype", ["float16", "int", "complex128", ""]),
    *_refused(FORECAST, "--schedule", ["sine", ""]),
    *_refused(FORECAST, "--seed", ["-1", "1.5", "", str(2**128), NINES]),
    *_refused(FORECAST, "--horizon", ["0", str(10**12)]),
    *_refused(FORECAST, "--horizon", ["100", str(10**9)], BAD_DATA),
    *_refused(FORECAST, "--window", ["0", str(10**12)]),
    *_refused(FORECAST, "--window", ["100", str(10**9)], BAD_DATA),
    *_refused(FORECAST, "--decimal", ["", ";"]),
    *_refused(FORECAST, "--missing", ["keep"]),
    *_refused(FORECAST, "--inputs", ["", ",", "sold,"]),
    *_refused(TEXT, "--span", ["0", str(10**12)]),
    *_refused(TEXT, "--span", [str(10**9)], BAD_DATA),
    *_refused(TEXT, "--batch-size", [str(10**9)], BAD_DATA),
    *_refused(TEXT, "--embedding", ["0", str(10**9)]),
    *_refused(TEXT, "--replacement", ["", "ab"]),
    *_refused("predict t", "--length", ["0", "-1", str(10**9), NINES]),
    *_refused("predict t", "--temperature", ["-1", "nan", "inf", ""]),
    *_refused("predict t", "--seed", ["-1", str(2**128)]),
    *_refused("check", "--hidden-sizes", ["0", "a", "200000", "2000", ",".join("9" * 200)]),
    *_refused("check", "--steps", ["0", str(10**9), str(10**6), NINES]),
    *_refused("check", "--batch", ["-1", str(10**9)]),
    *_refused("check", "--input-size", ["0", str(10**9), str(10**6)]),
    *_refused("check", "--dropout", ["1", "nan"]),
    *_refused("check rhyme.txt", "--hidden-size", ["0", "a", str(10**6), NINES]),
    *_refused("check rhyme.txt", "--seconds", ["0", "-1", "nan", "inf", "9999"]),
    *_refused("check rhyme.txt", "--cell", ["LSTM", ""]),
    *_refused("check", "--dtype", ["float16"]),
    *_refused("demo", "--seed", ["-1", "x", str(2**128)]),
]
ODD_BUT_FINE = [
    *_fine(FORECAST, "--layers", ["٤", "1,1,1,1,1,1,1,1"]),
    *_fine(FORECAST, "--batch-size", [str(10**9)]),
    *_fine(FORECAST, "--learning-rate", ["1e-320", "1_0e-4", " 0.01 "]),
    *_fine(FORECAST, "--clip-norm", ["1e-300", "1e300"]),
    *_fine(FORECAST, "--dropout", ["0.999"]),
    *_fine(FORECAST, "--seed", [str(2**128 - 1)]),
    *_fine(TEXT, "--replacement", ["é", "\n"]),
    Case("predict t --temperature 1e308 --length 3", OK),
    Case("predict t --temperature 1e-320 --length 3", OK),
    Case("predict f sales.csv", OK, "after row"),
    Case("predict f sales.npz", OK, "after row"),
    Case("predict c signs.csv --quiet", OK, "p(a)"),
    Case("check --hidden-sizes 1 --steps 1 --batch 1 --input-size 1", OK, "laws hold"),
    Case("--help", OK, "usage"),
    Case("train --help", OK, "usage"),
    Case("demo --help", OK, "--overwrite"),
    Case("--version", OK, "npstack 0."),
]
CASES = [*NO_COMMANDS, *NAMES, *NUMBERS, *ODD_BUT_FINE]
