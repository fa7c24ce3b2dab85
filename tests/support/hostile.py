"""Texts that mean something to some machine, and a configuration in which every text field is set."""

from __future__ import annotations

from typing import Any

HOSTILE = {
    "html": "<b>x</b><img src=x onerror=alert(1)>&lt;i&gt;&amp;",
    "script": "</textarea></title></style><script>alert(1)</script><!--",
    "attribute": '" onmouseover="alert(1)" \' x=\'y',
    "our template": "{{customer.email}}{{template}}",
    "broken template": "{{ {{ }} |",
    "jinja": "{% raw %}{# note #}{% for x in ().__class__.__mro__ %} #{7*7} ${7*7} <%= 7*7 %>",
    "format": "{0.__class__} {name} %s %(name)s $name \\1 \\u0041",
    "cel": "answers.nps == 1.0 || true",
    "mongo": '{"$gt": ""} $where: "sleep(1)" a.b $[]',
    "bidi overrides": "a\u202egnp.exe\u202c b\u202d",
    "right to left": "שלום \u2067abc\u2069 \u200fعالم",
    "emoji": "👩\u200d👩\u200d👧 🏳️\u200d🌈 e\u0301 ﷽ Z\u0351\u036b",
    "nul": "a\x00b\x1b[31m\x7f\x85",
    "noncharacter": "a\ufffe\uffffb",
    "header": "x\r\nBcc: victim@example.com",
    "line separators": "x\u2028Bcc: a\u2029b\x0bc",
    "encoded word": '=?utf-8?q?Bcc=3A_victim?= "x" <v@example.com>, y',
    "address of script": "javascript:alert(1)//https://acme.example/",
    "formula": '=HYPERLINK("http://x.example";"x")',
    "at formula": "@SUM(1+1)*cmd|' /C calc'!A0",
}
LONG = {"100 kB": "x" * 100_000, "100 kB of emoji": "👩\u200d👧" * 9_000}
SURROGATE = "a\ud800b"  # stands in no UTF-8: a body that holds it as an escape is no JSON text

LABELS = {"low_label": {"en": "Not at all", "de": "Gar nicht"}, "high_label": {"en": "Very", "de": "Sehr"}}
ALWAYS = {"mon-sun": ["00:00-24:00"]}

BRAND: dict[str, Any] = {
    "name": "Acme",
    "email_from": "Acme <hello@acme.example>",
    "reply_to": "help@acme.example",
    "answers_to": "answers@acme.example",
    "return_path": "bounces@acme.example",
    "postal_address": "Acme GmbH, Hauptstr. 1, 10115 Berlin",
    "contact": "call us",
    "signed_by": "Mia",
    "timezone": "Europe/Berlin",
    "privacy_url": "https://acme.example/privacy",
    "imprint_url": "https://acme.example/imprint",
    "logo_url": "https://acme.example/logo.png",
    "colors": {"accent": "#0a5bd6", "on_accent": "#ffffff"},
    "font": "serif",
    "thanks": {"en": "Thank you from Acme", "de": "Danke von Acme"},
    "redirects": [
        {
            "metric": "csat",
            "scale": "1-5",
            "low": 1,
            "high": 5,
            "url": "https://acme.example/more",
            "label": {"en": "Go on", "de": "Weiter"},
            "at_once": False,
        }
    ],
    "test_addresses": ["qa@acme.example"],
    "consent_required": [],
}
SURVEY: dict[str, Any] = {
    "name": "After delivery",
    "brand": "acme",
    "default_language": "en",
    "primary": "csat",
    "questions": [
        {
            "id": "csat",
            "kind": "csat",
            "text": {"en": "How satisfied?", "de": "Wie zufrieden?"},
            "required": True,
            "scale": "1-5",
            "look": "stars",
            **LABELS,
        },
        {"id": "nps", "kind": "nps", "text": {"en": "How likely?"}, "required": False, **LABELS},
        {"id": "ease", "kind": "ces", "text": {"en": "How easy?"}, "required": False, **LABELS},
        *(
            {
                "id": kind,
                "kind": kind,
                "text": {"en": "Which?", "de": "Welche?"},
                "required": False,
                "options": [
                    {"id": "price", "text": {"en": "The price", "de": "Der Preis"}},
                    {"id": "speed", "text": {"en": "The speed"}},
                ],
            }
            for kind in ("choice", "choices")
        ),
        {"id": "line", "kind": "line", "text": {"en": "In a word?", "de": "In einem Wort?"}, "required": False},
        {"id": "why", "kind": "text", "text": {"en": "Why?", "de": "Warum?"}, "required": False},
        {
            "id": "call",
            "kind": "call",
            "text": {"en": "Shall we call?", "de": "Sollen wir anrufen?"},
            "required": False,
            "call": {"windows": ALWAYS, "minutes": 15, "notice": "PT1H", "days": 5, "most": 4},
        },
        {"id": "news", "kind": "consent", "text": {"en": "May we write?"}, "required": False},
        {
            "id": "fix",
            "kind": "text",
            "text": {"en": "What to fix?"},
            "required": False,
            "show_if": "answers.csat <= 2.0",
        },
    ],
    "dimensions": {"agent": "event.data.agent"},
    "messages": {
        "email": {"subject": {"en": "How did we do?", "de": "Wie war es?"}, "intro": {"en": "Hello", "de": "Hallo"}},
        "sms": {"text": {"en": "How was it?", "de": "Wie war es?"}},
    },
    "thanks": {"en": "Thank you", "de": "Danke"},
    "finish_after": "P1D",
    "anonymous": False,
    "replies": [
        {"low": 4, "high": 4, "text": {"en": "We are glad", "de": "Das freut uns"}, "send": True, "person": "mia"}
    ],
}
TOUCHPOINT: dict[str, Any] = {
    "name": "Berlin Mitte",
    "timezone": "Europe/Berlin",
    "journey_stage": "delivery",
    "region": "Berlin",
    "keyword": "MITTE",
    "keyword_survey": "after-delivery",
}
LINK: dict[str, Any] = {
    "survey": "after-delivery",
    "touchpoint": "mitte",
    "language": "en",
    "kiosk": False,
    "call_to_action": {"en": "Tell us", "de": "Sagen Sie es uns"},
    "enabled": True,
}
BESIDES: dict[str, dict[str, Any]] = {
    "/v1/surveys/bare": {
        "name": "Nothing but a number",
        "brand": "acme",
        "primary": "csat",
        "questions": [{"id": "csat", "kind": "csat", "text": {"en": "How was it?", "de": "Wie war es?"}}],
    },
    "/v1/links/bare": {"survey": "bare", "touchpoint": "mitte"},
    "/v1/links/shut": {"survey": "bare", "touchpoint": "mitte", "enabled": False},
}
"""What else there is, so that each text comes before somebody's eyes."""
