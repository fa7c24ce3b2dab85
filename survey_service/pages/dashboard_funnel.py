"""The row of a funnel comes in; its section goes out: how far invitations came, and why nobody was invited. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import dropwhile
from typing import Any

from survey_service.pages.charts.funnel import Step, funnel
from survey_service.pages.dashboard_filters import Filters
from survey_service.pages.dashboard_look import ChartView, CodeView, TableView
from survey_service.texts.numbers import decimal, percentage
from survey_service.texts.words import Words

_REASONS = 3  # that are named


def funnel_of(row: Mapping[str, Any] | None, filters: Filters, words: Words) -> ChartView:
    """The whole section; a sentence alone where there is nothing to draw. `row` is None where it is too much."""
    heading, lang = words("From event to answer"), words.lang
    note = words("Invitations have no topic: these are of all topics.") if filters.topic else ""
    if row is None:
        sentence = words("These are more invitations than can be followed at once: choose a shorter period.")
        return ChartView("funnel", heading, sentence, note=note)
    names = {
        "events": words("Events"),
        "invited": words("Invited"),
        "sent": words("Sent"),
        "delivered": words("Delivered"),
        "started": words("Started"),
        "finished": words("Finished"),
    }
    counts = [(name, row.get(step) or 0) for step, name in names.items()]
    # Direct invitations have no event before them.
    counts = list(dropwhile(lambda step: not step[1], counts))
    sentence = words("Nothing was sent in this period.")
    if not counts:
        return ChartView("funnel", heading, sentence, note=note)
    steps, rows, before = [], [], None
    for name, count in counts:
        of_before = percentage(100 * count / before, lang) if before else ""
        number = decimal(count, lang)
        steps.append(Step(name, count, f"{number} · {of_before}" if of_before else number))
        rows.append((name, number, of_before or "–"))
        before = count
    rate = row.get("response_rate")
    if rate is not None:
        sentence = words("{share} of the invitations that were sent were answered.", share=percentage(rate, lang))
    reasons = _reasons(row.get("not_invited") or {}, words)
    return ChartView(
        id="funnel",
        heading=heading,
        sentence=sentence,
        drawing=funnel("funnel", heading, sentence, steps),
        table=TableView((words("Step"), words("Count"), words("Of the step before")), tuple(rows)),
        note=note,
        codes_note=words("Why nobody was invited, the most frequent reasons first:") if reasons else "",
        codes=reasons,
    )


def _reasons(not_invited: Mapping[str, int], words: Words) -> tuple[CodeView, ...]:
    """By the names that the API and docs/reasons.md use: whoever asks why finds the same word there."""
    most = sorted(not_invited.items(), key=lambda pair: -pair[1])[:_REASONS]
    return tuple(
        CodeView(reason, words.count("{count} time", "{count} times", n, count=decimal(n, words.lang)))
        for reason, n in most
    )
