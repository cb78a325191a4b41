"""The figures in docs/proof.md and docs/systems.md are those in tests/evidence."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.agreement.test_conformance import EXPECTED
from tests.full_runs import skill
from tests.full_runs.optimisers import SETTINGS, STEPS
from tests.tools.provenance import read_evidence

ROOT = Path(__file__).parents[2]
PROOF = (ROOT / "docs/proof.md").read_text(encoding="utf-8")
SYSTEMS = (ROOT / "docs/systems.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def row(text, part):
    """The only row of a table in which a part occurs."""
    (found,) = (line for line in text.splitlines() if line.startswith("|") and part in line)
    return found


def stated(text):
    """Every number of a text, thousands joined."""
    return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", text)]


def gradients():
    kept = read_evidence("gradients")
    above = kept["above_64_eps"]
    assert kept["error_in_eps"]["0.5"] < 2
    assert {entry["verdict"] for entry in above} == {"rounding"}
    return [kept["stacks"], kept["blocks"], 2, len(above), 64, round(kept["error_in_eps"]["1.0"])]


def combinations():
    kept = read_evidence("combinations")
    above = kept["above_64_eps"]
    assert kept["error_in_eps"]["0.5"] < 2
    assert {entry["verdict"] for entry in above} == {"rounding"}
    counts = [kept["cells"], kept["wrappers"], kept["blocks"]]
    return [*counts, 2, len(above), 64, round(kept["error_in_eps"]["1.0"])]


def checker():
    kept = read_evidence("checker")
    return [kept["caught"]["complex"], kept["wrong backwards"]]


def lattice():
    kept = {name: read_evidence(f"lattice_{name}") for name in ("pytorch", "onnxruntime", "keras")}
    kept["flax"] = read_evidence("lattice_flax")
    assert not any(each["above_bar_not_explained"] for each in kept.values())
    torch = kept["pytorch"]
    assert torch["quantiles_eps"]["0.5"] < 1
    configurations = sum(each["configurations"] for each in kept.values())
    return [configurations, torch["blocks"], 1, torch["above_bar"], torch["bar_eps"]]


def conformance():
    counts = {name: each["expressed"] for name, each in EXPECTED.items()}
    return [sum(counts.values()), counts["ort"] + counts["webnn"]]


def optimisers():
    assert set(read_evidence("optimisers")["parameters"]) == set(SETTINGS)
    return [len(SETTINGS), max(STEPS)]


def mutation():
    kept = read_evidence("mutation")
    fates = kept["fates"]
    same = [fates["identical bits"], fates["identity"]]
    assert not fates["survived"]
    (confirmed,) = kept["confirmed"][-1:]
    assert confirmed["agree"] == confirmed["drawn"]
    judged = [kept["judged"], fates["core"], sum(same), same[0]]
    return [*judged, same[1], kept["await judgement"], confirmed["drawn"]]


def resume():
    kept = read_evidence("resume")
    assert kept["runs"] == kept["runs_with_the_bits_of_an_uninterrupted_one"]
    return [kept["kills"], kept["in_a_save"]]


def killed_commands():
    kept = read_evidence("killed_commands")
    assert kept["runs"] == kept["runs_with_the_bits_of_an_uninterrupted_one"]
    return [kept["kills"], kept["runs"]]


def odd_commands():
    kept = read_evidence("odd_commands")
    assert kept["cases"] == kept["right"]
    return [kept["cases"], kept["bars"]["seconds"]]


def grading():
    kept = read_evidence("grading")
    assert kept["graded as deserved"] == kept["submissions"]
    assert not kept["processes left"]
    return [kept["submissions"]]


def naming():
    kept = read_evidence("naming")
    verdicts = kept["verdicts"]
    assert set(verdicts) == {"named", "no change"}
    assert not kept["from outside, right or named"]
    shared = [kept["mistakes"], kept["trials"], verdicts["no change"], verdicts["named"]]
    return [*shared, kept["alone"], kept["from outside"]]


def innocent():
    kept = read_evidence("innocent")
    undecidable = kept["undecidable"]
    assert not kept["accused"]
    counted = [undecidable["of these, conditioning below 1e-3"], undecidable["beyond"]]
    lost = undecidable["without digits in extended precision, too"]
    return [kept["problems"], kept["blocks"], *counted, lost, len(kept["refused"])]


def guilty():
    kept = read_evidence("guilty")
    assert not kept["missed at standard scale"]
    missed = sum(len(slips) for slips in kept["missed"].values())
    return [kept["slips"], missed, kept["wrong backwards"]]


def engine_numbers():
    kept = read_evidence("engine_numbers")
    assert not kept["unexplained"]
    few = kept["by the sigmoid of the engines"], kept["undecided"]
    return [kept["stacks"], kept["blocks"], *map(len, few)]


def bad_files():
    kept = read_evidence("bad_files")
    assert kept["files"] == kept["refused_clearly"]
    return [kept["files"]]


def round_trips():
    names = ("pytorch", "keras", "onnx", "flax_linen", "flax_nnx", "jax")
    kept = [read_evidence(f"round_trips_{name}")["configurations"] for name in names]
    assert min(kept) >= 300
    return [sum(kept), kept[0]]


def hostile():
    formats = read_evidence("hostile")["formats"].values()
    assert all(own["files"] == own["as_they_must"] >= 100 for own in formats)
    assert max(own["slowest_seconds"] for own in formats) < 20
    assert max(own["most_memory_of_a_child"] + own["most_memory"] for own in formats) < 2**30
    return [sum(own["files"] for own in formats)]


def readings():
    kept = read_evidence("readings")
    assert kept["true_found"] == kept["picked"] == kept["tried"]
    assert not kept["excluded_readings"]
    return [kept["layers"], kept["tried"]]


def real_models():
    layers = [
        own for m in read_evidence("real_models")["models"].values() for own in m["layers"].values()
    ]
    blocks = [block for own in layers for block in own["errors in eps"].values()]
    assert all(block["explained"] for block in blocks)
    return [max(own["lines"] for own in layers), len(blocks), len(layers)]


def profile():
    jobs = read_evidence("fit_profile")["jobs"].values()
    usual = sorted(100 * job["share"] for job in jobs if job["usual"])
    small = sorted(100 * job["share"] for job in jobs if not job["usual"])
    assert (len(usual), len(small)) == (4, 2)
    return [round(share, 1) for share in (usual[0], usual[-1], *small)]


@pytest.mark.parametrize(
    ("part", "figures"),
    [
        ("[gradients.json]", gradients),
        ("[combinations.json]", combinations),
        ("[checker.json]", checker),
        ("lattice_flax.json", lattice),
        ("test_conformance.py", conformance),
        ("[optimisers.json]", optimisers),
        ("[mutation.json]", mutation),
        ("[resume.json]", resume),
        ("[killed_commands.json]", killed_commands),
        ("[odd_commands.json]", odd_commands),
        ("[naming.json]", naming),
        ("[grading.json]", grading),
        ("[innocent.json]", innocent),
        ("[guilty.json]", guilty),
        ("[engine_numbers.json]", engine_numbers),
        ("[bad_files.json]", bad_files),
        ("round_trips_pytorch.json", round_trips),
        ("[hostile.json]", hostile),
        ("[readings.json]", readings),
        ("[real_models.json]", real_models),
        ("[fit_profile.json]", profile),
    ],
)
def test_a_proof_states_the_figures_of_its_evidence(part, figures):
    found, wanted = stated(row(PROOF, part)), figures()
    missing = [figure for figure in wanted if figure not in found]
    assert not missing, (part, missing, found)


def test_the_readme_states_the_figures_of_its_evidence():
    (sentence,) = re.findall(r"The gradients of .*? explained by rounding", README, re.DOTALL)
    blocks = gradients()[:5]
    assert sorted(stated(sentence)) == sorted([*blocks[:-1], 64])


def test_agreement_is_as_stated():
    for name in ("pytorch", "oracle", "keras", "onnxruntime"):
        assert read_evidence(f"agreement_{name}")["above_bar_not_explained"] == 0


def test_the_demo_table_is_the_one_that_its_command_prints():
    kept = read_evidence("skill")
    assert skill.table(kept) in SYSTEMS
    beaten = ["persistence", "best lag", "ridge over 24 months"]
    assert [name for name, won in kept["every_seed_beats"].items() if won] == beaten
    linear = kept["baselines"]["ridge over a full cycle"]
    assert all(linear < np.mean(stack["mse"]) for stack in kept["stacks"].values())


def means(name, digits, *wanted):
    """Mean of each wanted system or baseline in each table of an example, as the page has it."""
    tables = read_evidence(f"system_{name}")["tables"]
    rows = [{**table["systems"], **table["baselines"]} for table in tables]
    found = [[each[name] for each in rows if name in each] for name in wanted]
    return [f"{np.mean(values):.{digits}f}" for each in found for values in each]


@pytest.mark.parametrize(
    ("part", "figures"),
    [
        (
            "sunspots 1, 6",
            lambda: means(
                "forecasting",
                1,
                "stacked LSTM, 16-16",
                "persistence",
                "linear (ridge) over 24 months",
                "linear (ridge) over a full cycle",
            ),
        ),
        (
            "characters.py",
            lambda: [
                *means("characters", 3, "1 layer of 80 units (47,799 parameters)"),
                *means("characters", 3, "2 layers of 80 units (99,319 parameters)"),
                *means("characters", 3, "3 layers of 80 units (150,839 parameters)"),
                *means("characters", 3, "1 layer of 165 units (151,074 parameters)"),
                *means("characters", 3, "n-gram of order 4 (chosen on the middle part)"),
                *means("characters", 3, "bz2 behind the training text"),
            ],
        ),
        (
            "encoder_decoder.py",
            lambda: means(
                "encoder_decoder",
                1,
                "three layers, every state handed over",
                "three layers, the last one's state only",
                "one layer",
                "linear (ridge), from words and pairs of words",
            ),
        ),
        (
            "tagging.py",
            lambda: [
                means("tagging", 1, "stacked LSTM, 64-64")[0],
                means("tagging", 1, "most frequent tag after these and its own last tag")[0],
            ],
        ),
    ],
)
def test_a_system_states_the_figures_of_its_evidence(part, figures):
    cells = row(SYSTEMS, part).split("|", 3)[-1]
    assert re.findall(r"\d+\.\d+", cells) == figures()


@pytest.mark.parametrize(
    ("part", "table", "others"),
    [
        (
            "JapaneseVowels",
            0,
            ["1-NN, DTW over all features", "linear (ridge), mean, deviation, extremes, ends"],
        ),
        ("digits,", 1, ["linear (ridge), 8 steps of each", "1-NN, Euclidean, 8 steps of each"]),
    ],
)
def test_the_classifiers_state_the_figures_of_their_evidence(part, table, others):
    kept = read_evidence("system_classification")["tables"][table]
    ours = kept["systems"]["stacked LSTM, 64-64"]
    simple = {name: values[0] for name, values in kept["baselines"].items()}
    (published,) = [v for n, v in simple.items() if "2018" in n and "over all" in n] or [None]
    wanted = [f"{np.mean(ours):.2f}", f"{np.std(ours, ddof=1):.2f}"]
    wanted += [f"{simple[name]:.2f}" for name in others]
    wanted[3:3] = [] if published is None else [f"{published:.1f}"]
    cells = row(SYSTEMS, part).split("|", 3)[-1]
    assert re.findall(r"\d+\.\d+", cells) == wanted
