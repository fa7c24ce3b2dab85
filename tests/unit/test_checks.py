from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from survey_service.api.checks import (
    check_brand,
    check_channel,
    check_resource_id,
    check_survey,
    check_touchpoint,
    check_touchpoint_id,
    check_trigger,
)
from survey_service.errors import FieldProblem, InvalidInput
from survey_service.models.brand import BrandContent
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import SurveyContent
from survey_service.models.touchpoint import TouchpointContent
from survey_service.models.trigger import TriggerContent

NPS = {"id": "nps", "kind": "nps", "text": {"en": "How likely?", "de": "Wie wahrscheinlich?"}}
WHY = {"id": "why", "kind": "text", "text": {"en": "Why?"}}


REDIRECT = {"url": "https://acme.example/review", "label": {"en": "Tell others"}}


def problems_of(check: Callable[[], None]) -> list[FieldProblem]:
    try:
        check()
    except InvalidInput as error:
        return list(error.problems)
    return []


def in_survey(**changes: Any) -> list[FieldProblem]:
    fields = {"name": "After delivery", "brand": "acme", "primary": "nps", "questions": [NPS, WHY], **changes}
    return problems_of(lambda: check_survey(SurveyContent.model_validate(fields), {"acme"}))


def in_trigger(usable: frozenset[ChannelName] = frozenset({ChannelName.EMAIL}), **changes: Any) -> list[FieldProblem]:
    fields = {"survey": "after", "event_type": "order.delivered", "channels": ["email"], **changes}
    return problems_of(lambda: check_trigger(TriggerContent.model_validate(fields), {"after"}, usable))


def in_brand(**changes: Any) -> list[FieldProblem]:
    return problems_of(lambda: check_brand(BrandContent.model_validate({"name": "Acme", **changes}), {"acme.example"}))


def in_touchpoint(**changes: Any) -> list[FieldProblem]:
    return problems_of(
        lambda: check_touchpoint(TouchpointContent.model_validate({"name": "Mitte", **changes}), {"nps"})
    )


def places(problems: list[FieldProblem]) -> list[tuple[str, str]]:
    return [(problem.pointer, problem.rule) for problem in problems]


def onward(**changes: Any) -> dict[str, Any]:
    return {"redirects": [{**REDIRECT, **changes}]}


def show_if(condition: str) -> dict[str, Any]:
    return {"questions": [NPS, {**WHY, "show_if": condition}, {**WHY, "id": "fix"}]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        show_if("answers.nps <= 6.0"),
        show_if('has(answers.nps) && event.data.answers.fix == \'answers.fix\' && event.data.note != "answers.\\"fix"'),
        {"dimensions": {"a": "event.data.a.b-c", "b": "customer.attributes.tier", "c": "customer.account"}},
        {"dimensions": {"a": "event.type", "b": "event.traceparent", "c": "event.data.customers"}},
        {"messages": {"email": {"subject": {"en": "{{customer.first_name|there}} 👩‍🚀 שלום"}}}},
        {"thanks": {"en": "One\r\ntwo\n\tthree", "pt-BR": "Obrigado", "zh-Hant-TW": "謝謝"}},
        {"questions": [{**NPS, "low_label": {"en": "No"}, "high_label": {"en": "Yes"}}]},
    ],
)
def test_a_good_survey_passes(changes: dict[str, Any]) -> None:
    assert in_survey(**changes) == []


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"name": "a\r\nb"}, "/name", "control_character"),
        ({"brand": "other"}, "/brand", "exists"),
        ({"primary": "nothing"}, "/primary", "metric_question"),
        ({"primary": "why"}, "/primary", "metric_question"),
        ({"questions": [{**NPS, "show_if": "true"}]}, "/primary", "unconditional"),
        ({"questions": [NPS, WHY, WHY]}, "/questions/2/id", "unique"),
        ({"questions": [NPS, {**WHY, "low_label": {"en": "x"}}]}, "/questions/1/low_label", "label"),
        ({"questions": [NPS, {**WHY, "high_label": {"en": "x"}}]}, "/questions/1/high_label", "label"),
        ({"questions": [{**NPS, "text": {"de": "Wie?"}}]}, "/questions/0/text", "default_language"),
        ({"questions": [{**NPS, "low_label": {"de": "x"}}]}, "/questions/0/low_label", "default_language"),
        ({"questions": [{**NPS, "low_label": {"en": "a\nb"}}]}, "/questions/0/low_label/en", "control_character"),
        ({"thanks": {"de": "Danke"}}, "/thanks", "default_language"),
        ({"thanks": {"en": "Thanks", "xx": "?"}}, "/thanks/xx", "language"),
        ({"thanks": {"en": "Thanks\x1b"}}, "/thanks/en", "control_character"),
        ({"thanks": {"en": " \n"}}, "/thanks/en", "blank"),
        ({"thanks": {"en": "Dear {{customer.email}}"}}, "/thanks/en", "placeholder"),
        ({"messages": {"email": {"subject": {"en": "a\nBcc: b"}}}}, "/messages/email/subject/en", "control_character"),
        ({"messages": {"email": {"intro": {"en": "{{oops"}}}}, "/messages/email/intro/en", "placeholder"),
        ({"messages": {"sms": {"text": {"en": "{{answers.nps}}"}}}}, "/messages/sms/text/en", "placeholder"),
        (show_if("answers.nps <="), "/questions/1/show_if", "condition"),
        (show_if("answers.nps"), "/questions/1/show_if", "condition"),
        (show_if("unknown.nps == 1.0"), "/questions/1/show_if", "condition"),
        (show_if("answers.why == ''"), "/questions/1/show_if", "earlier_question"),
        (show_if("has(answers.fix)"), "/questions/1/show_if", "earlier_question"),
        ({"dimensions": {"x": "event.data"}}, "/dimensions/x", "dimension_path"),
        ({"dimensions": {"x": "event.data."}}, "/dimensions/x", "dimension_path"),
        ({"dimensions": {"x": "event.data.customer.email"}}, "/dimensions/x", "dimension_path"),
        ({"dimensions": {"x": "event.data.$where"}}, "/dimensions/x", "dimension_path"),
        ({"dimensions": {"x": "customer.email"}}, "/dimensions/x", "dimension_path"),
        ({"dimensions": {"x": "answers.why"}}, "/dimensions/x", "dimension_path"),
    ],
)
def test_a_survey_is_refused_where_it_breaks_a_rule(changes: dict[str, Any], pointer: str, rule: str) -> None:
    assert places(in_survey(**changes)) == [(pointer, rule)]


def test_a_survey_needs_a_metric_question() -> None:
    problems = in_survey(questions=[WHY], primary="why")
    assert places(problems) == [("/questions", "metric_question"), ("/primary", "metric_question")]


def test_every_problem_of_a_survey_is_told_at_once() -> None:
    problems = in_survey(brand="x", thanks={"en": "{{x}}"}, dimensions={"a": "b"})
    assert {problem.pointer for problem in problems} == {"/brand", "/thanks/en", "/dimensions/a"}


def test_a_placeholder_that_is_not_allowed_is_named_with_its_position() -> None:
    (problem,) = in_survey(thanks={"en": "Dear {{customer.phone}}"})
    assert "customer.phone" in problem.message
    assert "character 6" in problem.message


def test_an_unknown_default_language_is_refused() -> None:
    text = {"xx": "?"}
    problems = in_survey(default_language="xx", questions=[{**NPS, "text": text}])
    assert places(problems) == [("/default_language", "language"), ("/questions/0/text/xx", "language")]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"condition": "event.data.amount >= 20.0 && customer.language == 'de'"},
        {"delay": "PT2H", "max_event_age": "P2D", "expires_after": "P14D", "cancel_on": ["order.returned"]},
    ],
)
def test_a_good_trigger_passes(changes: dict[str, Any]) -> None:
    assert in_trigger(**changes) == []


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"survey": "other"}, "/survey", "exists"),
        ({"event_type": "a\nb"}, "/event_type", "control_character"),
        ({"condition": "answers.nps == 1.0"}, "/condition", "condition"),
        ({"condition": "1.0 + 1.0"}, "/condition", "condition"),
        ({"delay": "2h"}, "/delay", "period"),
        ({"max_event_age": "P1M"}, "/max_event_age", "period"),
        ({"expires_after": "P11Y"}, "/expires_after", "period"),
        ({"delay": "P2D", "expires_after": "PT48H"}, "/expires_after", "after_delay"),
        ({"channels": ["email", "email"]}, "/channels/1", "unique"),
        ({"channels": ["email", "sms"]}, "/channels/1", "channel_usable"),
        ({"cancel_on": ["a", "order.delivered"]}, "/cancel_on/1", "own_event_type"),
        ({"cancel_on": [""]}, "/cancel_on/0", "length"),
        ({"cancel_on": ["a\x00"]}, "/cancel_on/0", "control_character"),
    ],
)
def test_a_trigger_is_refused_where_it_breaks_a_rule(changes: dict[str, Any], pointer: str, rule: str) -> None:
    assert places(in_trigger(**changes)) == [(pointer, rule)]


def test_a_condition_is_refused_with_line_and_column() -> None:
    (problem,) = in_trigger(condition="true &&\n  foo == 1.0")
    assert "line 2, column 3" in problem.message


@pytest.mark.parametrize(("channel", "hint"), [("email", "SURVEY_SMTP_URL"), ("sms", "SURVEY_TWILIO_ACCOUNT_SID")])
def test_a_channel_without_settings_is_refused_with_the_way_out(channel: str, hint: str) -> None:
    (problem,) = in_trigger(frozenset({ChannelName.WEB}), channels=[channel])
    assert hint in problem.message
    (alone,) = problems_of(lambda: check_channel(ChannelName(channel), frozenset()))
    assert (alone.pointer, alone.message) == ("/channel", problem.message)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"email_from": "Acme, Inc. <hello@acme.example>", "reply_to": "help@acme.example"},
        {"email_from": '"Müller & Söhne" <hello@müller.example>'},
        {"return_path": "bounces@acme.example", "test_addresses": ["qa@acme.example"]},
        {"postal_address": "Acme GmbH\nHauptstr. 1\r\n10115 Berlin"},
        {"privacy_url": "https://acme.example/privacy?a=b#c", "logo_url": "https://acme.example/logo.png"},
        {"timezone": "Europe/Berlin"},
        {"imprint_url": "https://acme.example/imprint", "font": "serif", "thanks": {"de": "Danke", "en": "Thank you"}},
        {"redirects": [REDIRECT, {**REDIRECT, "metric": "nps", "low": 0, "high": 10, "at_once": True}]},
        {"redirects": [{**REDIRECT, "metric": "csat", "scale": "1-10", "low": 9}]},
    ],
)
def test_a_good_brand_passes(changes: dict[str, Any]) -> None:
    assert in_brand(**changes) == []


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"name": "Acme\nBcc: x"}, "/name", "control_character"),
        ({"name": "Acme\u2028x"}, "/name", "control_character"),
        ({"email_from": "Acme\r\n <hello@acme.example>"}, "/email_from", "control_character"),
        ({"email_from": "Acme"}, "/email_from", "email"),
        ({"email_from": "Acme <hello@acme>"}, "/email_from", "email"),
        ({"reply_to": "a@acme.example, b@acme.example"}, "/reply_to", "email"),
        ({"return_path": "Acme <hello@acme.example>"}, "/return_path", "email"),
        ({"return_path": "b" * 38 + "@acme.example"}, "/return_path", "length"),
        ({"postal_address": "a\x00"}, "/postal_address", "control_character"),
        ({"contact": "a\nb"}, "/contact", "control_character"),
        ({"signed_by": "a\nb"}, "/signed_by", "control_character"),
        ({"timezone": "Mars/Olympus"}, "/timezone", "timezone"),
        ({"timezone": "europe/berlin"}, "/timezone", "timezone"),
        ({"privacy_url": "https://"}, "/privacy_url", "url"),
        ({"privacy_url": "https://[::1"}, "/privacy_url", "url"),
        ({"logo_url": 'https://acme.example/"><script>'}, "/logo_url", "url"),
        ({"logo_url": "https://acme.example/a\nb"}, "/logo_url", "url"),
        ({"test_addresses": ["qa@acme.example", "nobody"]}, "/test_addresses/1", "email"),
        ({"colors": {"accent": "#ffcc00"}}, "/colors/on_accent", "contrast"),
        ({"imprint_url": "https://"}, "/imprint_url", "url"),
        ({"thanks": {"xx": "?"}}, "/thanks/xx", "language"),
        ({"thanks": {"en": "Dear {{customer.email}}"}}, "/thanks/en", "placeholder"),
        ({"thanks": {"en": "Thanks\x1b"}}, "/thanks/en", "control_character"),
        (onward(url="https://evil.example/"), "/redirects/0/url", "redirect_host"),
        (onward(url="https://acme.example.evil.example/"), "/redirects/0/url", "redirect_host"),
        (onward(url="http://acme.example/"), "/redirects/0/url", "url"),
        (onward(url="https://acme.example@evil.example/"), "/redirects/0/url", "url"),
        (onward(url="https://acme.example:8443/"), "/redirects/0/url", "url"),
        (onward(label={"en": "a\nb"}), "/redirects/0/label/en", "control_character"),
        (onward(label={"en": "x" * 201}), "/redirects/0/label/en", "length"),
        (onward(low=9), "/redirects/0/low", "metric"),
        (onward(high=9), "/redirects/0/high", "metric"),
        (onward(metric="nps", scale="1-10"), "/redirects/0/scale", "csat"),
        (onward(metric="nps", low=-1), "/redirects/0/low", "scale"),
        (onward(metric="csat", high=6), "/redirects/0/high", "scale"),
        (onward(metric="csat", scale="yes-no", low=0, high=2), "/redirects/0/high", "scale"),
        (onward(metric="ces", low=5, high=4), "/redirects/0/high", "order"),
    ],
)
def test_a_brand_is_refused_where_it_breaks_a_rule(changes: dict[str, Any], pointer: str, rule: str) -> None:
    assert places(in_brand(**changes)) == [(pointer, rule)]


def test_colours_that_cannot_be_read_are_refused_with_the_measured_contrast() -> None:
    # #777777 on white is the grey that WCAG's own tools show as just too light: 4.478 to 1.
    (problem,) = in_brand(colors={"accent": "#777777", "on_accent": "#ffffff"})
    assert "4.47" in problem.message
    assert in_brand(colors={"accent": "#767676", "on_accent": "#ffffff"}) == []


def test_a_redirect_elsewhere_is_refused_with_its_host_and_the_allowed_ones() -> None:
    (problem,) = in_brand(**onward(url="https://reviews.example/acme"))
    assert problem.message == "leads to reviews.example; the hosts that SURVEY_REDIRECT_HOSTS allows: acme.example"
    (alone,) = problems_of(lambda: check_brand(BrandContent.model_validate({"name": "Acme", **onward()})))
    assert alone.message.endswith("allows: none")


def test_no_refusal_repeats_an_address() -> None:
    problems = in_brand(email_from="Eve <eve@@acme>", reply_to="eve@", test_addresses=["eve at acme"])
    assert len(problems) == 3
    assert not [problem for problem in problems if "eve" in problem.message]


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"name": "a\nb"}, "/name", "control_character"),
        ({"timezone": "Berlin"}, "/timezone", "timezone"),
        ({"journey_stage": "a\tb"}, "/journey_stage", "control_character"),
        ({"region": "a\x7f"}, "/region", "control_character"),
        ({"keyword": "MITTE"}, "/keyword_survey", "together"),
        ({"keyword_survey": "nps"}, "/keyword", "together"),
        ({"keyword": "MITTE", "keyword_survey": "csat"}, "/keyword_survey", "exists"),
        *(
            ({"keyword": keyword, "keyword_survey": "nps"}, "/keyword", rule)
            for keyword, rule in [
                ("M", "keyword"),
                ("", "keyword"),
                ("9A", "keyword"),
                ("SHOP MITTE", "keyword"),
                ("Mitte", "spelling"),
                ("MÜNCHEN", "spelling"),
                ("STOP", "taken"),
                ("BAJA", "taken"),
                ("INFO", "taken"),
                ("NINE", "taken"),
                ("NEUN", "taken"),
            ]
        ),
    ],
)
def test_a_touchpoint_is_refused_where_it_breaks_a_rule(changes: dict[str, Any], pointer: str, rule: str) -> None:
    assert places(in_touchpoint(**changes)) == [(pointer, rule)]


@pytest.mark.parametrize("keyword", ["MITTE", "JFK", "T2", "GATE24", "МОСКВА"])
def test_a_keyword_is_a_word_of_its_own(keyword: str) -> None:
    assert in_touchpoint(keyword=keyword, keyword_survey="nps") == []


@pytest.mark.parametrize("name", ["a", "after-delivery", "0.x_y-z", "a" * 100])
def test_a_good_id_passes(name: str) -> None:
    check_resource_id(name)


@pytest.mark.parametrize("name", ["", "A", "-a", ".a", "a b", "a/b", "ä", "a\n", "a" * 101])
def test_a_bad_id_is_refused(name: str) -> None:
    assert places(problems_of(lambda: check_resource_id(name))) == [("/id", "id")]


@pytest.mark.parametrize(("name", "good"), [("JFK", True), ("Café am Zoo/2", True), ("", False), (" ", False)])
def test_a_touchpoint_has_nearly_any_id(name: str, good: bool) -> None:
    assert (problems_of(lambda: check_touchpoint_id(name)) == []) is good


@pytest.mark.parametrize("name", ["a\nb", "a\x00", "x" * 101])
def test_a_touchpoint_id_is_short_and_in_one_line(name: str) -> None:
    assert places(problems_of(lambda: check_touchpoint_id(name))) == [("/id", "id")]
