"""Spoken times: every minute of the day, in four phrases.

A small translation task whose answers are right or wrong: ``"quarter to three pm"`` is ``14:45``.
Each phrase stands for one time, and no single word determines the answer: the hour in the phrase
may be the next one ("to three"), and the half of the day comes last.
"""

from __future__ import annotations

from npstack.core.arguments import check_whole

NUMBERS = (
    *("twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
TENS = ("", "", "twenty", "thirty", "forty", "fifty")
PARTS = {
    6: "at night",
    12: "in the morning",
    18: "in the afternoon",
    22: "in the evening",
    24: "at night",
}


def number(n: int) -> str:
    """1 to 59 in words.

    Examples
    --------
    >>> number(7), number(40), number(59)
    ('seven', 'forty', 'fifty nine')
    """
    if n < len(NUMBERS):
        return NUMBERS[n]
    return f"{TENS[n // 10]} {NUMBERS[n % 10]}" if n % 10 else TENS[n // 10]


def say_time(hour: int, minute: int) -> list[str]:
    """Four phrases for a time of day: past or to the hour, or in figures; each with two endings.

    Parameters
    ----------
    hour, minute : int
        0 to 23, 0 to 59.

    Raises
    ------
    ArgumentError
        Not a time of day.

    Examples
    --------
    >>> for phrase in say_time(14, 45):
    ...     print(phrase)
    quarter to three in the afternoon
    quarter to three pm
    two forty five in the afternoon
    two forty five pm
    """
    where, advice = "say_time", "A day has the times 0:00 to 23:59."
    hour = check_whole(where, "hour", hour, advice, most=23)
    minute = check_whole(where, "minute", minute, advice, most=59)
    this, following = NUMBERS[hour % 12], NUMBERS[(hour + 1) % 12]
    spoken = {15: "quarter", 30: "half", 45: "quarter"}
    if minute == 0:
        clock, figures = f"{this} o'clock", f"{this} hundred"
    else:
        clock = f"{spoken.get(minute) or number(60 - minute)} to {following}"
        if minute <= 30:
            clock = f"{spoken.get(minute) or number(minute)} past {this}"
        figures = f"{this} {'oh ' if minute < 10 else ''}{number(minute)}"
    part = next(name for end, name in PARTS.items() if hour < end)
    endings = (part, "am" if hour < 12 else "pm")
    return [f"{words} {ending}" for words in (clock, figures) for ending in endings]


def spoken_times() -> dict[str, list[str]]:
    """All 1,440 times of the day as a digital clock shows them, each with its four phrases.

    Examples
    --------
    >>> times = spoken_times()
    >>> len(times), times["00:05"][1], times["23:50"][0]
    (1440, 'five past twelve am', 'ten to twelve at night')
    """
    return {
        f"{hour:02}:{minute:02}": say_time(hour, minute)
        for hour in range(24)
        for minute in range(60)
    }
