"""Spoken times: every phrase stands for one time, which it describes correctly."""

import pytest

from npstack.core.errors import ArgumentError
from npstack.data import say_time, spoken_times

NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
VALUES = {
    **{word: n for n, word in enumerate(NUMBERS, 1)},
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "quarter": 15,
    "half": 30,
    "oh": 0,
    "hundred": 0,
}


def understand(phrase: str) -> set[int]:
    """The minutes of the day that a phrase can mean, read the other way round."""
    for ending in ("am", "pm", "at night", "in the morning", "in the afternoon", "in the evening"):
        if phrase.endswith(ending):
            words = phrase.removesuffix(ending).split()
            break
    if "past" in words or "to" in words or "o'clock" in words:
        cut = next(k for k, word in enumerate(words) if word in ("past", "to", "o'clock"))
        if words[cut] == "o'clock":
            minutes, hour = 0, VALUES[words[0]]
        else:
            minutes, hour = sum(VALUES[word] for word in words[:cut]), VALUES[words[cut + 1]]
            minutes = minutes if words[cut] == "past" else -minutes
    else:
        hour, minutes = VALUES[words[0]], sum(VALUES[word] for word in words[1:])
    both = {(60 * hour + minutes + half) % (24 * 60) for half in (0, 12 * 60)}
    hours = {
        "am": range(12),
        "pm": range(12, 24),
        "at night": [*range(6), 22, 23],
        "in the morning": range(6, 12),
        "in the afternoon": range(12, 18),
        "in the evening": range(18, 22),
    }[ending]
    return {time for time in both if time // 60 in hours}


def test_every_phrase_says_its_time_and_no_other():
    times = spoken_times()
    assert len(times) == 24 * 60
    for shown, phrases in times.items():
        hour, minute = map(int, shown.split(":"))
        assert len(phrases) == 4
        for phrase in phrases:
            assert understand(phrase) == {60 * hour + minute}, (shown, phrase)
    assert len({phrase for phrases in times.values() for phrase in phrases}) == 4 * 24 * 60


def test_the_hour_that_is_heard_may_be_the_next_one():
    assert say_time(23, 31)[0] == "twenty nine to twelve at night"
    assert say_time(23, 30)[0] == "half past eleven at night"
    assert say_time(0, 0) == [
        "twelve o'clock at night",
        "twelve o'clock am",
        "twelve hundred at night",
        "twelve hundred am",
    ]


@pytest.mark.parametrize("time", [(24, 0), (-1, 0), (0, 60), (1.0, 0), (0, "5")])
def test_no_time_of_day(time):
    with pytest.raises(ArgumentError, match="must be a whole number from 0 to"):
        say_time(*time)
