"""Figures come in; the words that tell them to people go out, in a language. Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Literal

from survey_service.calendars.buckets import Granularity
from survey_service.reporting.comparing import Comparison
from survey_service.reporting.intervals import LEVEL, Interval
from survey_service.reporting.scores import Metric, corrected_level
from survey_service.texts.numbers import decimal, label_text, moment_text, score_text, signed
from survey_service.texts.words import Words

Direction = Literal["up", "down", "same"]

_PLACES_OF_ENDS: dict[Metric, int] = {"nps": 0, "csat": 0, "ces": 1}  # more would promise what they cannot hold
_SKELETONS = {
    Granularity.DAY: "MMMd",
    Granularity.WEEK: "MMMd",
    Granularity.MONTH: "yMMM",
    Granularity.QUARTER: "yQQQ",
    Granularity.YEAR: "y",
}


def metric_text(metric: Metric, scale: str, words: Words) -> str:
    """What is measured: `NPS`, or with the scale where a metric has several."""
    match metric:
        case "nps":
            return words("NPS")
        case "csat":
            on = words("yes or no") if scale == "yes-no" else scale.replace("-", "–")
            return f"{words('Satisfaction')} ({on})"
        case "ces":
            return words("Ease")


def answers_text(n: int, words: Words) -> str:
    """`120 answers`."""
    return words.count("{count} answer", "{count} answers", n, count=decimal(n, words.lang))


def few_text(least: int, words: Words) -> str:
    """What is said of answers that are too few to show: `fewer than 5 answers`."""
    return words.count(
        "fewer than {count} answer", "fewer than {count} answers", least, count=decimal(least, words.lang)
    )


def few_number(least: int, words: Words) -> str:
    """The same in a table: `<5`."""
    return f"<{decimal(least, words.lang)}"


def ends(metric: Metric, interval: Interval, language: str) -> tuple[str, str]:
    """The ends of an interval, in words that stand alone."""
    places = _PLACES_OF_ENDS[metric]
    return score_text(metric, interval.low, language, places), score_text(metric, interval.high, language, places)


def interval_text(metric: Metric, interval: Interval, words: Words) -> str:
    """`38 to 46`."""
    low, high = ends(metric, interval, words.lang)
    return words("{low} to {high}", low=low, high=high)


def change_text(metric: Metric, change: float, language: str) -> str:
    """How much a score has changed: `+4.2`."""
    return signed(change, language, 2 if metric == "ces" else 1)


def change_ends(metric: Metric, interval: Interval, language: str) -> tuple[str, str]:
    """The ends of the interval of a change, with their signs."""
    places = _PLACES_OF_ENDS[metric]
    return signed(interval.low, language, places), signed(interval.high, language, places)


def direction_of(against: Comparison | None) -> Direction:
    """Which way a score really went; what may be chance is the same."""
    if against is None or not against.is_significant or not against.change:
        return "same"
    return "up" if against.change > 0 else "down"


def change_sentence(metric: Metric, against: Comparison | None, words: Words, withheld: int | None = None) -> str:
    """How a score compares with that of the period before, and whether that may be chance.

    `withheld`: that period has fewer than so many answers, and is not shown.
    """
    if withheld is not None:
        return words("The period before has {few}: not shown.", few=few_text(withheld, words))
    if against is None or against.change is None:
        return words("There is nothing to compare it with in the period before.")
    change = change_text(metric, against.change, words.lang)
    before = score_text(metric, against.other.score or 0.0, words.lang)
    if against.interval is None:
        return words("{change} against the period before ({before}).", change=change, before=before)
    low, high = change_ends(metric, against.interval, words.lang)
    values = {"change": change, "before": before, "low": low, "high": high}
    match direction_of(against):
        case "same":
            return words(
                "{change} against the period before ({before}): that may be chance ({low} to {high}).", **values
            )
        case "up":
            return words(
                "{change} against the period before ({before}): better by more than chance ({low} to {high}).",
                **values,
            )
        case "down":
            return words(
                "{change} against the period before ({before}): worse by more than chance ({low} to {high}).",
                **values,
            )


def level_of_changes(places: int, words: Words) -> str:
    """How sure the change of each of several touchpoints has to be (see `corrected_level`); empty of one."""
    if places < 2:
        return ""
    here = words(
        "With {n} touchpoints compared, a change counts only if chance would bring it less than once in {often} times.",
        n=decimal(places, words.lang),
        often=_once_in(corrected_level(places), words),
    )
    alone = words("On the page of one touchpoint alone, it is once in {usual}.", usual=_once_in(LEVEL, words))
    return f"{here} {alone}"


def level_of_ranks(compared: int, words: Words) -> str:
    """The same of differences within a ranking."""
    if compared < 2:
        return ""
    return words(
        "Among {n} at once, a difference counts only if chance would bring it less than once in {often} times.",
        n=decimal(compared, words.lang),
        often=_once_in(corrected_level(compared), words),
    )


def _once_in(level: float, words: Words) -> str:
    return decimal(round(1 / (1 - level)), words.lang)


def period_text(label: datetime, granularity: Granularity, zone: tzinfo, language: str) -> str:
    """The name of a period by its label (see `calendars/buckets.py`), short enough for an axis: `12 Oct`."""
    if granularity is Granularity.HOUR:
        return moment_text(label, zone, language)
    return label_text(label, _SKELETONS[granularity], language)
