"""The funnel's section: reasons stand by the names that the API uses, with words of the reader's language around."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from survey_service.pages.dashboard_filters import Promised, read_filters
from survey_service.pages.dashboard_funnel import funnel_of
from survey_service.pages.dashboard_look import ReaderView, render_funnel
from survey_service.pages.dashboard_viewers import Viewer
from survey_service.pages.dashboard_views import reader_of
from survey_service.texts.words import words_in

ROW = {"events": 40, "invited": 8, "sent": 8, "not_invited": {"sampled_out": 1, "cooldown": 12, "quota": 1, "x": 0}}


def reader(lang: str) -> ReaderView:
    return reader_of(Viewer("Mia", lang))


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "Why nobody was invited, the most frequent reasons first: <code>cooldown</code> (12 times), "),
        ("de", "Warum nicht eingeladen wurde, die häufigsten Gründe zuerst: <code>cooldown</code> (12-mal), "),
        ("ar", "لماذا لم يُدعَ أحد، الأسباب الأكثر تكرارًا أولًا: <code>cooldown</code> (12 مرة), "),
    ],
)
def test_reasons_keep_their_documented_names_among_words_of_the_language(lang: str, said: str) -> None:
    filters = read_filters({}, {}, None, "UTC", datetime(2026, 11, 22, tzinfo=UTC), Promised(frozenset(), 5))
    page = render_funnel(funnel_of(ROW, filters, words_in(lang)), reader(lang), "")
    assert said in page
    assert page.count("<code>") == 3
