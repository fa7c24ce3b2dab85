"""Topics and phrases come in; the section on what people talk about goes out, in the reader's language. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from survey_service.pages.charts.ranking import scale_line
from survey_service.pages.charts.share_bar import share_bar
from survey_service.pages.dashboard_figures import Overview
from survey_service.pages.dashboard_look import PhraseView, TableView, TalkView, TopicView
from survey_service.pages.dashboard_sections import (
    Href,
    axis_of,
    in_the_table_alone,
    known_score,
    listed,
    rank_view,
    score_cells,
    score_head,
    shower_of,
    verdict_of,
    verdict_texts,
)
from survey_service.reporting.comparing import Figure
from survey_service.reporting.figure_texts import level_of_ranks
from survey_service.reporting.phrases import Talk
from survey_service.reporting.scores import Metric, Score
from survey_service.texts.numbers import decimal, percentage
from survey_service.texts.words import Words

TOPICS, PHRASES = 10, 10  # that are drawn; the table has all topics


def talk_of(overview: Overview, names: Mapping[str, str], href: Href, least: int, words: Words) -> TalkView | None:
    """Topics on one common scale, each against the answers without it; None where nobody wrote anything.

    All are shown, also where one is chosen, with their shares of all answers.

    Those of fewer than `least` answers are named in the table.
    """
    talk = overview.talk or Talk((), 0, is_all=True)
    named = [(names.get(name, name), figure) for figure in overview.topics if (name := figure.group.keys[0])]
    total = overview.of_all_topics
    if total is None or (not named and not talk.read):
        return None
    figures = [(name, figure) for name, figure in named if figure.score is not None]
    hidden = [name for name, figure in named if figure.score is None]
    metric, shown = total.metric, figures[:TOPICS]
    asides = (in_the_table_alone(len(hidden), least, words), level_of_ranks(_compared(overview.topics), words))
    axis = axis_of(metric, [known_score(figure) for _, figure in shown])
    return TalkView(
        sentence=_sentence(overview.topics, figures, total, words) if names else "",
        topics=tuple(
            TopicView(
                rank_view(name, href(figure.group.keys[0] or ""), figure, axis, total.score, words),
                percentage(_share(figure, total), words.lang),
            )
            for name, figure in shown
        ),
        axis=scale_line(axis, shower_of(metric, words)),
        table=_table(figures, hidden, total, least, words) if named else None,
        phrases_heading=_about_the_worst(metric, words),
        phrases_sentence=_phrases_sentence(talk, words),
        phrases=_phrases(talk, words),
        asides=tuple(aside for aside in asides if aside),
    )


def _sentence(topics: Sequence[Figure], figures: Sequence[tuple[str, Figure]], total: Score, words: Words) -> str:
    if all(figure.group.keys[0] is None for figure in topics):
        return words("No comment speaks of one of the topics so far.")
    silent = [figure.score for figure in topics if figure.group.keys[0] is None]
    parts = []
    if None not in silent:
        about = total.n - sum(score.n for score in silent if score)
        share = percentage(100 * about / total.n if total.n else 0.0, words.lang)
        parts.append(words("{share} of the answers speak of a topic.", share=share))
    better = [name for name, figure in figures if verdict_of(figure) == "better"]
    worse = [name for name, figure in figures if verdict_of(figure) == "worse"]
    if better:
        parts.append(words("Clearly above the rest: {names}.", names=listed(better)))
    if worse:
        parts.append(words("Clearly below the rest: {names}.", names=listed(worse)))
    return " ".join(parts) or words("No topic differs from the rest by more than chance.")


def _share(figure: Figure, total: Score) -> float:
    # Rollups are counted while this page is made: a topic may be a moment ahead of the whole.
    return min(100.0, 100 * known_score(figure).n / total.n) if total.n else 0.0


def _compared(topics: Sequence[Figure]) -> int:
    return sum(figure.score is not None for figure in topics)


def _table(
    figures: Sequence[tuple[str, Figure]], hidden: Sequence[str], total: Score, least: int, words: Words
) -> TableView:
    verdicts = verdict_texts(words)
    head = (words("Topic"), words("Share"), *score_head(words), words("Against the rest"))
    rows = tuple(
        (
            name,
            percentage(_share(figure, total), words.lang, 1),
            *score_cells(figure.score, total.metric, words),
            verdicts[verdict_of(figure)],
        )
        for name, figure in figures
    )
    rows += tuple((name, "–", *score_cells(None, total.metric, words, least), "–") for name in hidden)
    return TableView(head, rows)


def _about_the_worst(metric: Metric, words: Words) -> str:
    match metric:
        case "nps":
            return words("What detractors say")
        case "csat":
            return words("What those say who were not satisfied")
        case "ces":
            return words("What those say who did not find it easy")


def _phrases_sentence(talk: Talk, words: Words) -> str:
    if not talk.phrases:
        return words("No words yet that three of them or more have in common.")
    read = decimal(talk.read, words.lang)
    if talk.is_all:
        return words("In {n} comments; the number says how many people wrote it.", n=read)
    return words("In the newest {n} comments; the number says how many people wrote it.", n=read)


def _phrases(talk: Talk, words: Words) -> tuple[PhraseView, ...]:
    most = max((phrase.n for phrase in talk.phrases), default=1)
    return tuple(
        PhraseView(phrase.text, phrase.language, decimal(phrase.n, words.lang), share_bar(phrase.n / most, "bad"))
        for phrase in talk.phrases[:PHRASES]
    )
