"""Public links over HTTP: what is stored, what is refused, and what is printed."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import segno
from PIL import Image

from survey_service.models.api_key import Scope
from survey_service.parts import Parts
from tests.support.pdf import read_pdf
from tests.support.problems import assert_problem, pointers
from tests.support.service import BASE_URL, ApiClient, api_client

BRAND = {"name": "Acme & Söhne", "colors": {"accent": "#7a1f5c", "on_accent": "#ffffff"}}
SURVEY: dict[str, Any] = {
    "name": "Visit",
    "brand": "acme",
    "primary": "nps",
    "questions": [{"id": "nps", "kind": "nps", "text": {"en": "How likely?", "de": "Wie wahrscheinlich?"}}],
}
LINK: dict[str, Any] = {"survey": "visit", "touchpoint": "mitte"}
PATH = "/v1/links/berlin-mitte"
URL = f"{BASE_URL}/l/berlin-mitte"
ARABIC = "كانت زيارتك"


@pytest.fixture
async def configured(api: ApiClient) -> ApiClient:
    """A client of a service with a brand, a survey and the touchpoint that it asks about."""
    assert (await api.put("/v1/brands/acme", json=BRAND)).status == 201
    assert (await api.put("/v1/surveys/visit", json=SURVEY)).status == 201
    assert (await api.put("/v1/touchpoints/mitte", json={"name": "Berlin Mitte"})).status == 201
    return api


@pytest.fixture
async def linked(configured: ApiClient) -> ApiClient:
    """The same with a link there."""
    assert (await configured.put(PATH, json=LINK)).status == 201
    return configured


async def test_a_link_is_created_read_replaced_and_deleted(configured: ApiClient) -> None:
    first = await configured.put(PATH, json=LINK)
    assert (first.status, first.headers["ETag"]) == (201, '"1"')
    shown = await first.json()
    del shown["updated_at"]
    assert shown == {
        "id": "berlin-mitte",
        "url": URL,
        "survey": "visit",
        "touchpoint": "mitte",
        "language": None,
        "kiosk": False,
        "call_to_action": None,
        "enabled": True,
        "revision": 1,
    }
    assert (await configured.put(PATH, json=LINK)).headers["ETag"] == '"1"'
    changed = await configured.put(PATH, json={**LINK, "kiosk": True}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.headers["ETag"], (await changed.json())["kiosk"]) == (200, '"2"', True)
    await assert_problem(await configured.put(PATH, json=LINK, headers={"If-Match": '"1"'}), 412, "precondition_failed")

    read = await configured.get(PATH)
    assert (await read.json())["url"] == URL
    assert (await configured.get(PATH, headers={"If-None-Match": read.headers["ETag"]})).status == 304
    assert [row["url"] for row in (await (await configured.get("/v1/links")).json())["data"]] == [URL]

    assert (await configured.delete(PATH)).status == 204
    await assert_problem(await configured.get(PATH), 404, "not_found")
    await assert_problem(await configured.delete(PATH), 404, "not_found")
    assert (await (await configured.get("/v1/links")).json())["data"] == []


async def test_an_id_is_a_slug_of_the_caller(configured: ApiClient) -> None:
    for name in ("A", "berlin-mitte", "Berlin_2", "0", "x" * 64):
        answer = await configured.put(f"/v1/links/{name}", json=LINK)
        assert (answer.status, (await answer.json())["url"]) == (201, f"{BASE_URL}/l/{name}")


async def test_an_id_that_would_have_to_be_escaped_is_refused(configured: ApiClient) -> None:
    for name in ("x" * 65, "-a", "_a", "a.b", "a b", "ä", "a%2Fb", "%00", "a%0Ab", "a$", "🙂", "a~b"):
        for rest in ("", "/qr.svg", "/sheet.pdf"):
            problem = await assert_problem(await configured.get(f"/v1/links/{name}{rest}"), 422, "invalid")
            assert pointers(problem) == {"/id"}
        assert (await configured.put(f"/v1/links/{name}", json=LINK)).status == 422


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"survey": "other"}, {"/survey"}),
        ({"touchpoint": "other"}, {"/touchpoint"}),
        ({"survey": "other", "touchpoint": "other"}, {"/survey", "/touchpoint"}),
        ({"language": "xx"}, {"/language"}),
        ({"language": "fr"}, {"/language"}),
        ({"language": "not a language"}, {"/language"}),
        ({"call_to_action": {}}, {"/call_to_action"}),
        ({"call_to_action": {"xx": "Hello"}}, {"/call_to_action/xx"}),
        ({"call_to_action": {"en": "two\nlines"}}, {"/call_to_action/en"}),
        ({"call_to_action": {"en": "a\0b"}}, {"/call_to_action/en"}),
        ({"call_to_action": {"en": "   "}}, {"/call_to_action/en"}),
        ({"call_to_action": {"en": "x" * 201}}, {"/call_to_action/en"}),
        ({"call_to_action": {"en": "{{secret}}"}}, {"/call_to_action/en"}),
        ({"call_to_action": {"en": "fine", "de": "{{brand.name"}}, {"/call_to_action/de"}),
        ({"kiosk": "yes"}, {"/kiosk"}),
        ({"colour": "red"}, {"/colour"}),
    ],
)
async def test_a_link_that_could_not_be_used_is_refused(
    configured: ApiClient, changes: dict[str, Any], wrong: set[str]
) -> None:
    problem = await assert_problem(await configured.put(PATH, json={**LINK, **changes}), 422, "invalid")
    assert pointers(problem) == wrong
    assert (await (await configured.get("/v1/links")).json())["data"] == []


async def test_links_need_the_scopes_of_configuration(parts: Parts, linked: ApiClient) -> None:
    async with api_client(parts, Scope.CONFIG_READ) as reader:
        for path in ("/v1/links", PATH, f"{PATH}/qr.svg", f"{PATH}/qr.png", f"{PATH}/sheet.pdf"):
            assert (await reader.get(path)).status == 200
        await assert_problem(await reader.put(PATH, json=LINK), 403, "forbidden")
        await assert_problem(await reader.delete(PATH), 403, "forbidden")
    async with api_client(parts, Scope.EVENTS_WRITE) as stranger:
        for path in ("/v1/links", PATH, f"{PATH}/qr.svg", f"{PATH}/qr.png", f"{PATH}/sheet.pdf"):
            await assert_problem(await stranger.get(path), 403, "forbidden")


@pytest.mark.parametrize("scale", [1, 8, 40])
async def test_the_png_is_the_code_of_the_address_with_its_quiet_zone(linked: ApiClient, scale: int) -> None:
    answer = await linked.get(f"{PATH}/qr.png?scale={scale}")
    assert (answer.status, answer.content_type) == (200, "image/png")
    assert modules_of_png(await answer.read(), scale) == expected_modules()


async def test_the_svg_is_the_code_of_the_address_with_its_quiet_zone(linked: ApiClient) -> None:
    answer = await linked.get(f"{PATH}/qr.svg?scale=3")
    assert (answer.status, answer.content_type) == (200, "image/svg+xml")
    svg = ET.fromstring(await answer.text())  # noqa: S314 -- it is our own
    side = (len(expected_modules())) * 3
    assert (svg.get("width"), svg.get("height")) == (str(side), str(side))
    assert modules_of_svg(svg) == expected_modules()


@pytest.mark.parametrize("kind", ["svg", "png"])
async def test_the_size_of_a_code_is_bounded(linked: ApiClient, kind: str) -> None:
    wrong = ("scale=0", "scale=41", "scale=-1", "scale=8.5", "scale=x", "scale=", "scale=1&scale=2", "dark=red")
    for query in wrong:
        await assert_problem(await linked.get(f"{PATH}/qr.{kind}?{query}"), 422, "invalid")


async def test_the_sheet_is_one_page_of_a6_with_brand_call_and_address(linked: ApiClient) -> None:
    answer = await linked.get(f"{PATH}/sheet.pdf")
    assert (answer.status, answer.content_type) == (200, "application/pdf")
    pdf = read_pdf(await answer.read())
    assert pdf.size == (105, 148)
    assert pdf.text == "Acme&SöhneHowwasit?Scanthecodeandtellus.service.test/l/berlin-mitte"


@pytest.mark.parametrize(
    ("language", "link", "call"),
    [
        (None, {}, "How was Berlin Mitte?"),
        ("de", {}, "Wie war’s in Größe, Acme & Söhne?"),
        ("el", {}, "Πώς ήταν;"),
        ("ru", {}, "Как прошёл визит?"),
        ("vi", {}, "Bạn thấy thế nào?"),
        ("fr", {}, "How was Berlin Mitte?"),  # not there: the survey's default language
        (None, {"language": "de"}, "Wie war’s in Größe, Acme & Söhne?"),
        ("en", {"language": "de"}, "How was Berlin Mitte?"),
    ],
)
async def test_the_sheet_calls_in_the_language_that_is_asked_for(
    configured: ApiClient, language: str | None, link: dict[str, Any], call: str
) -> None:
    texts = {
        "en": "How was {{touchpoint.name}}?",
        "de": "Wie war’s in Größe, {{brand.name}}?",
        "el": "Πώς ήταν;",
        "ru": "Как прошёл визит?",
        "vi": "Bạn thấy thế nào?",
    }
    await configured.put(PATH, json={**LINK, **link, "call_to_action": texts})
    answer = await configured.get(f"{PATH}/sheet.pdf", params={"language": language} if language else {})
    assert call.replace(" ", "") in read_pdf(await answer.read()).text


async def test_arabic_runs_from_right_to_left_in_joined_letters(configured: ApiClient) -> None:
    await configured.put(PATH, json={**LINK, "call_to_action": {"ar": ARABIC}})
    pdf = read_pdf(await (await configured.get(f"{PATH}/sheet.pdf?language=ar")).read())
    arabic = [one for one in pdf.drawn if "\u0600" <= one.letter <= "\u06ff"]
    assert "".join(one.letter for one in arabic) == ARABIC.replace(" ", "")[::-1]
    assert len({one.shape for one in arabic if one.letter == "ت"}) == 2  # as it begins and as it ends what it joins


async def test_hebrew_runs_from_right_to_left(configured: ApiClient) -> None:
    await configured.put(PATH, json={**LINK, "call_to_action": {"he": "איך היה?"}})
    pdf = read_pdf(await (await configured.get(f"{PATH}/sheet.pdf?language=he")).read())
    assert "איך היה?".replace(" ", "")[::-1] in pdf.text


@pytest.mark.parametrize("text", ["日本語", "हिन्दी", "ภาษาไทย", "Hello 🙂"])
async def test_a_sheet_is_refused_rather_than_printed_with_boxes(configured: ApiClient, text: str) -> None:
    assert (await configured.put(PATH, json={**LINK, "call_to_action": {"en": text}})).status == 201
    problem = await assert_problem(await configured.get(f"{PATH}/sheet.pdf"), 422, "invalid")
    assert "alone can be printed" in problem["errors"][0]["message"]


async def test_the_longest_texts_find_room(configured: ApiClient) -> None:
    name, call = "Grand Hotel " * 16, "{{touchpoint.name}} " + "x" * 180
    await configured.put("/v1/brands/acme", json={"name": "Gesellschaft " * 7 + "Acme"})
    await configured.put("/v1/touchpoints/mitte", json={"name": name})
    path = f"/v1/links/{'m' * 64}"
    await configured.put(path, json={**LINK, "call_to_action": {"en": call}})
    answer = await configured.get(f"{path}/sheet.pdf")
    assert answer.status == 200, await answer.text()
    text = read_pdf(await answer.read()).text
    assert ("Gesellschaft" * 7 in text, "GrandHotel" * 16 in text, "m" * 64 in text) == (True, True, True)


@pytest.mark.parametrize("rest", ["qr.svg", "qr.png", "sheet.pdf"])
async def test_what_is_printed_is_sent_again_only_when_it_changed(linked: ApiClient, rest: str) -> None:
    first = await linked.get(f"{PATH}/{rest}")
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = await linked.get(f"{PATH}/{rest}", headers={"If-None-Match": etag})
    assert (again.status, again.headers["ETag"], await again.read()) == (304, etag, b"")
    assert (await linked.get(f"{PATH}/{rest}")).headers["ETag"] == etag
    if rest == "sheet.pdf":
        await linked.put("/v1/brands/acme", json={**BRAND, "name": "Another"})
        assert (await linked.get(f"{PATH}/{rest}", headers={"If-None-Match": etag})).status == 200


@pytest.mark.parametrize("rest", ["qr.svg", "qr.png", "sheet.pdf"])
async def test_an_unknown_link_has_nothing_to_print(linked: ApiClient, rest: str) -> None:
    await assert_problem(await linked.get(f"/v1/links/other/{rest}"), 404, "not_found")


async def test_a_link_whose_survey_is_gone_has_no_sheet(linked: ApiClient) -> None:
    assert (await linked.delete("/v1/surveys/visit")).status == 204
    await assert_problem(await linked.get(f"{PATH}/sheet.pdf"), 409, "conflict")
    assert (await linked.get(f"{PATH}/qr.svg")).status == 200


def expected_modules() -> list[list[int]]:
    """The code of the address with four light modules around it, as segno makes it."""
    rows = [list(row) for row in segno.make_qr(URL, error="m").matrix]
    empty = [[0] * (len(rows) + 8) for _ in range(4)]
    return [*empty, *([0] * 4 + row + [0] * 4 for row in rows), *empty]


def modules_of_png(png: bytes, scale: int) -> list[list[int]]:
    """Each module of a PNG, sampled in its middle."""
    with Image.open(io.BytesIO(png)) as image:
        gray = image.convert("L")
    middle = range(scale // 2, gray.width, scale)
    return [[int(gray.getpixel((x, y)) == 0) for x in middle] for y in middle]


def modules_of_svg(svg: ET.Element) -> list[list[int]]:
    """Each module of a path of horizontal strokes, one module high."""
    scaled = next(element for element in svg.iter() if element.get("stroke"))
    size = len(expected_modules())
    found = [[0] * size for _ in range(size)]
    x, y = 0.0, 0.0
    for step, first, second in re.findall(r"([Mmh])(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?", scaled.get("d") or ""):
        if step == "M":
            x, y = float(first), float(second)
        elif step == "m":
            x, y = x + float(first), y + float(second)
        else:
            for place in range(int(x), int(x + float(first))):
                found[int(y)][place] = 1
            x += float(first)
    return found
