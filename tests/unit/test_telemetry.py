"""Logs say where and why something failed, and nothing of the people whom it was about."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from aiohttp.http_exceptions import BadHttpMessage
from pydantic import BaseModel
from pymongo.errors import BulkWriteError, DuplicateKeyError

from survey_service.telemetry import configure_logging, fault_text, write_fault

PERSON = "ada@example.com"
TOKEN = "8LuopQYq3lijSGf1UcUugi"


class _Age(BaseModel):
    age: int


def _duplicate() -> None:
    raise DuplicateKeyError(f"E11000 dup key: {{ keys: {PERSON!r} }}", 11000)


def _bulk() -> None:
    raise BulkWriteError({"writeErrors": [{"op": {"email": PERSON}}]})


def _invalid() -> None:
    _Age.model_validate({"age": PERSON})


def _own() -> None:
    recipient = PERSON  # a variable, which no log may show
    raise RuntimeError(f"{len(recipient)} characters are not an address")


def fault_of(work: Callable[[], None]) -> Exception:
    try:
        work()
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is looked at
        return error
    raise AssertionError


@pytest.fixture
def configured() -> Iterator[None]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("work", [_duplicate, _bulk, _invalid, _own])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_logged_error_names_its_place_and_no_person(
    work: Callable[[], None], as_json: bool, configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(json=as_json)
    structlog.get_logger().error("stage.batch_failed", exc_info=fault_of(work))
    printed = capsys.readouterr().err
    assert PERSON not in printed
    assert work.__name__ in printed
    assert not as_json or json.loads(printed)["event"] == "stage.batch_failed"


def _bad_request() -> None:
    raise BadHttpMessage(f"Bad status line: GET /s/{TOKEN}")


@pytest.mark.parametrize("as_json", [True, False])
def test_what_libraries_log_is_a_line_of_ours_without_what_they_filled_in(
    as_json: bool, configured: None, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(json=as_json)
    configure_logging(json=as_json)  # says nothing twice
    fault = fault_of(_bad_request)
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "192.0.2.7", exc_info=fault)
    logging.getLogger("asyncio").error(f"Exception in callback greet({PERSON!r}) at x.py:1\nhandle: <Handle {PERSON}>")
    logging.getLogger("asyncio").info("Using selector")
    printed = capsys.readouterr().err
    assert not any(word in printed for word in (TOKEN, PERSON, "192.0.2.7"))
    assert all(words in printed for words in ("BadHttpMessage (code 400)", "_bad_request", "callback greet"))
    assert printed.count("library.logged") == 2
    if as_json:
        first, _ = map(json.loads, printed.splitlines())
        assert (first["library"], first["level"]) == ("aiohttp.server", "error")
        assert first["words"] == "Error handling request from %s"


def test_an_error_of_a_library_says_its_kind_and_code() -> None:
    assert fault_text(fault_of(_duplicate)).endswith("pymongo.errors.DuplicateKeyError (code 11000)")
    assert fault_text(fault_of(_invalid)).endswith("pydantic_core._pydantic_core.ValidationError")


def test_an_error_of_our_own_says_its_words() -> None:
    assert fault_text(fault_of(_own)).endswith("RuntimeError: 15 characters are not an address")


def test_causes_come_first_and_what_a_group_holds_last() -> None:
    def work() -> None:
        try:
            _own()
        except RuntimeError as error:
            raise ExceptionGroup("both", [ValueError("one"), KeyError("two")]) from error

    lines = fault_text(fault_of(work)).splitlines()
    said = [line for line in lines if not line.startswith(" ")]
    assert said == [
        "RuntimeError: 15 characters are not an address",
        "which caused:",
        "ExceptionGroup: both (2 sub-exceptions)",
        "ValueError: one",
        "KeyError: 'two'",
    ]


def test_a_terminal_gets_the_same_words() -> None:
    error = fault_of(_own)
    written = io.StringIO()
    write_fault(written, (type(error), error, error.__traceback__))
    assert written.getvalue().strip() == fault_text(error).strip()
