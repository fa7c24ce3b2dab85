"""Importing suppressions: over HTTP and from the command line, line by line, any number of times."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from survey_service.api.suppression_import import MAX_LINE_BYTES, LineStatus
from survey_service.cli.suppressions import import_file
from survey_service.models.invitation import InvitationState
from survey_service.models.suppression import EVERY_BRAND
from survey_service.parts import Parts
from survey_service.store.store import Store
from tests.support.content import put_survey
from tests.support.factories import OUR_CUSTOMER, make_customer, make_delivery, make_invitation
from tests.support.problems import assert_problem
from tests.support.service import SECRET, ApiClient

PATH = "/v1/suppressions/import"


async def post_csv(api: ApiClient, csv: str | bytes, query: str = "") -> dict[str, Any]:
    response = await api.post(PATH + query, data=csv, headers={"Content-Type": "text/csv"})
    body: dict[str, Any] = await response.json()
    assert response.status == 200, body
    return body


async def rows(api: ApiClient) -> list[dict[str, Any]]:
    return list((await (await api.get("/v1/suppressions?limit=1000")).json())["data"])


async def test_each_line_has_its_result(api: ApiClient, store: Store) -> None:
    await store.customers.insert([make_customer()])
    csv = (
        "address,customer,reason,note\r\n"
        "Ada@Example.com,,unsubscribed,from the old system\r\n"
        "+49 1512 3456789,,stop,\r\n"
        "\r\n"
        f",{OUR_CUSTOMER},complained\r\n"
        "ada@example.com\r\n"
        '"grace@example.com",,,"said: ""never"", twice"\r\n'
    )
    body = await post_csv(api, csv)
    assert [(result["line"], result["status"]) for result in body["results"]] == [
        (2, "added"),
        (3, "added"),
        (5, "added"),
        (6, "present"),
        (7, "added"),
    ]
    assert (body["added"], body["present"], body["refused"]) == (4, 1, 0)
    stored = {(row["scope"], row["brand"], row["reason"], row["note"]) for row in await rows(api)}
    assert stored == {
        ("address", EVERY_BRAND, "unsubscribed", "from the old system"),
        ("address", EVERY_BRAND, "stop", None),
        ("person", EVERY_BRAND, "complained", None),
        ("address", EVERY_BRAND, "manual", 'said: "never", twice'),
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"nobody", "is neither an email address nor a phone number"),
        (b",c-unknown", "customer is unknown"),
        (b"ada@example.com,c-42", "needs either an address or a customer"),
        (b",,manual", "needs either an address or a customer"),
        (b"ada@example.com,,because", "reason"),
        (b"ada@example.com,,erased", "erase the customer instead"),
        (b"ada@example.com,,manual,a\x1bnote", "control characters"),
        (b"ada@example.com,,manual,note,more", "has 5 cells for 4 columns"),
        (b"ada\xff@example.com", "not a line of CSV in UTF-8"),
        (b'"ada@example.com', "not a line of CSV in UTF-8"),
        (b"a" * MAX_LINE_BYTES + b"@example.com", "longer than"),
    ],
)
async def test_a_bad_line_is_named_and_harms_no_other(api: ApiClient, line: bytes, message: str) -> None:
    csv = b"address,customer,reason,note\nfirst@example.com\n" + line + b"\nlast@example.com\n"
    body = await post_csv(api, csv)
    assert [(result["line"], result["status"]) for result in body["results"]] == [
        (2, "added"),
        (3, "refused"),
        (4, "added"),
    ]
    assert message in body["results"][1]["message"]
    assert "ada" not in body["results"][1]["message"]
    assert len(await rows(api)) == 2


async def test_importing_again_changes_nothing(api: ApiClient) -> None:
    csv = "address\n" + "".join(f"customer-{number}@example.com\n" for number in range(600))
    assert (await post_csv(api, csv))["added"] == 600
    before = await rows(api)
    assert (await post_csv(api, csv))["present"] == 600
    assert await rows(api) == before


async def test_what_waits_for_an_imported_person_is_cancelled_under_that_brand(api: ApiClient, store: Store) -> None:
    await put_survey(store)
    await store.customers.insert([make_customer()])
    waiting, elsewhere = make_invitation("ord-1"), make_invitation("ord-2", brand="other")
    await store.invitations.insert([waiting, elsewhere])
    await store.deliveries.insert([make_delivery(waiting)])
    assert (await post_csv(api, "customer\nc-42\n", "?brand=acme"))["added"] == 1
    found = await store.invitations.get_many([waiting.id, elsewhere.id])
    assert found[waiting.id].state is InvitationState.CANCELLED
    assert found[elsewhere.id].state is InvitationState.WAITING


@pytest.mark.parametrize(
    "csv", ["", "\n", "ada@example.com\n", "address;reason\n", "address,address\n", "address,colour\n", "reason,note\n"]
)
async def test_a_file_that_does_not_name_its_columns_is_refused_as_a_whole(api: ApiClient, csv: str) -> None:
    response = await api.post(PATH, data=csv, headers={"Content-Type": "text/csv"})
    problem = await assert_problem(response, 422, "invalid")
    assert problem["errors"][0]["rule"] == "columns"


async def test_columns_stand_in_any_order_and_after_a_byte_order_mark(api: ApiClient) -> None:
    body = await post_csv(api, "\ufeffReason, Address\nbounced, ada@example.com\n")
    assert body["added"] == 1
    assert [row["reason"] for row in await rows(api)] == ["bounced"]


async def test_an_unknown_brand_is_refused(api: ApiClient) -> None:
    response = await api.post(f"{PATH}?brand=acme", data="address\n", headers={"Content-Type": "text/csv"})
    await assert_problem(response, 422, "invalid")


async def test_other_bodies_are_refused(api: ApiClient) -> None:
    await assert_problem(await api.post(PATH, json=[]), 415, "unsupported_media")
    csv = io.BytesIO(b"address\n" + b"ada@example.com\n" * 70_000)
    await assert_problem(await api.post(PATH, data=csv, headers={"Content-Type": "text/csv"}), 413, "too_large")


async def test_a_file_is_imported_with_a_word_on_each_bad_line(parts: Parts, api: ApiClient, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    lines = [f"customer-{number}@example.com" for number in range(500)]
    lines[299] = "nobody"
    file.write_text("\n".join(["address", *lines]), encoding="utf-8")
    said = io.StringIO()
    for added, present in ((499, 0), (0, 499)):
        with file.open("rb") as stream:
            done = await import_file(stream, EVERY_BRAND, parts.store, parts.keyring, Console(file=said, width=200))
        assert done == Counter({LineStatus.ADDED: added, LineStatus.PRESENT: present, LineStatus.REFUSED: 1})
    assert said.getvalue().count("line 301: is neither an email address nor a phone number") == 2


@pytest.mark.parametrize(
    ("second", "code", "summary"), [("", 0, "1 added"), ("nobody\n", 1, "1 added, 0 there before, 1")]
)
async def test_the_command_tells_a_script_whether_every_line_was_taken(
    mongodb_uri: str, database_name: str, tmp_path: Path, second: str, code: int, summary: str
) -> None:
    file = tmp_path / "old.csv"
    file.write_text(f"address\nada@example.com\n{second}", encoding="utf-8")
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SURVEY_")},
        "SURVEY_MONGODB_URI": mongodb_uri.replace("/?", f"/{database_name}?"),
        "SURVEY_SECRET": SECRET,
        "SURVEY_PUBLIC_URL": "https://survey.example",
    }
    command = (sys.executable, "-m", "survey_service", "suppressions", "import", str(file))
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == code, output.decode()
    assert summary in " ".join(output.decode().split())
