"""`survey-service apply`: folders on a real disk into a real database."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pymongo
import pytest
from rich.console import Console

from survey_service.cli.apply import apply_folder, demo_folder, starter_folder
from survey_service.cli.changes import Change, ChangeState, show_changes
from survey_service.cli.config_files import read_folder
from survey_service.errors import InvalidInput, PreconditionFailed
from survey_service.models.brand import BrandContent
from survey_service.models.delivery import ChannelName
from survey_service.models.survey import SurveyContent
from survey_service.store.configuration import Configuration
from survey_service.store.store import Store
from survey_service.texts.placeholders import parse

CHANNELS = frozenset({ChannelName.EMAIL, ChannelName.WEB})

BRAND = "name: Acme\n"
SURVEY = """
name: After delivery
brand: acme
default_language: no
primary: nps
questions:
  - id: nps
    kind: nps
    text:
      no: Hvor sannsynlig?
      en: How likely?
"""
TRIGGER = "survey: after\nevent_type: order.delivered\nchannels: [email]\nenabled: false\n"
UNHAPPY = """
name: Unhappy
on: finished
condition: response.score <= 6.0
case: {title: Unhappy, assign: {by: person, people: [mia]}}
"""
FILES = {
    "brands/acme.yaml": BRAND,
    "touchpoints/Gate 7.json": json.dumps({"name": "Gate 7", "timezone": "Europe/Oslo"}),
    "surveys/after.yml": SURVEY,
    "triggers/after.yaml": TRIGGER,
    "links/Gate-7.yaml": "survey: after\ntouchpoint: Gate 7\nkiosk: true\n",
    "people/mia.yaml": "name: Mia\nemail: mia@acme.example\ntouchpoints: [Gate 7]\n",
    "follow-ups/unhappy.yaml": UNHAPPY,
}


@pytest.fixture
def configuration(store: Store) -> Configuration:
    return store.configuration


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def answer(yes: bool, asked: list[list[Change]] | None = None) -> Callable[[list[Change]], bool]:
    def confirm(changes: list[Change]) -> bool:
        if asked is not None:
            asked.append(changes)
        return yes

    return confirm


def states(changes: list[Change]) -> dict[str, ChangeState]:
    return {change.file.path: change.state for change in changes}


def shown(changes: list[Change]) -> str:
    output = io.StringIO()
    Console(file=output, width=120).print(show_changes(changes))
    return output.getvalue()


async def test_a_folder_becomes_the_configuration(tmp_path: Path, configuration: Configuration) -> None:
    changes = await apply_folder(write(tmp_path, FILES), configuration, CHANNELS, confirm=answer(True))
    assert states(changes) == dict.fromkeys(FILES, ChangeState.NEW)
    snapshot = await configuration.current()
    assert snapshot.brands["acme"].name == "Acme"
    assert snapshot.surveys["after"].languages == ("no", "en")
    assert snapshot.triggers["after"].enabled is False
    assert set(await configuration.touchpoints.get_many(["Gate 7"])) == {"Gate 7"}
    assert snapshot.links["Gate-7"].kiosk
    assert snapshot.people["mia"].touchpoints == ("Gate 7",)
    assert snapshot.follow_ups["unhappy"].case is not None


async def test_applying_twice_changes_nothing_and_asks_nothing(tmp_path: Path, configuration: Configuration) -> None:
    folder = write(tmp_path, FILES)
    await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))
    before = await configuration.current()
    asked: list[list[Change]] = []
    changes = await apply_folder(folder, configuration, CHANNELS, confirm=answer(False, asked))
    assert set(states(changes).values()) == {ChangeState.SAME}
    assert asked == []
    assert (await configuration.current()).revision == before.revision


async def test_nothing_is_stored_when_the_answer_is_no(tmp_path: Path, configuration: Configuration) -> None:
    asked: list[list[Change]] = []
    folder = write(tmp_path, FILES)
    assert await apply_folder(folder, configuration, CHANNELS, confirm=answer(False, asked)) == []
    assert len(asked) == 1
    assert (await configuration.current()).brands == {}


async def test_the_difference_is_shown_field_by_field(tmp_path: Path, configuration: Configuration) -> None:
    folder = write(tmp_path, FILES)
    await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))
    write(tmp_path, {"brands/acme.yaml": "name: Acme [bold]\n", "brands/next.yaml": "name: Next\n"})
    asked: list[list[Change]] = []
    await apply_folder(folder, configuration, CHANNELS, confirm=answer(True, asked))
    text = shown(asked[0])
    assert "~ brands/acme.yaml  changed" in text
    assert "-name: Acme\n" in text
    assert "+name: Acme [bold]\n" in text
    assert "+ brands/next.yaml  new" in text
    assert "= surveys/after.yml  same" in text
    assert "1 new, 1 changed, 6 same" in text
    brands = (await configuration.current()).brands
    assert (brands["acme"].name, brands["acme"].revision) == ("Acme [bold]", 2)


async def test_one_wrong_file_keeps_every_file_out(tmp_path: Path, configuration: Configuration) -> None:
    folder = write(tmp_path, {**FILES, "triggers/bad.yaml": TRIGGER.replace("after", "nothing")})
    with pytest.raises(InvalidInput) as caught:
        await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))
    assert [(problem.pointer, problem.rule) for problem in caught.value.problems] == [
        ("triggers/bad.yaml#/survey", "exists")
    ]
    assert (await configuration.current()).brands == {}


async def test_a_file_may_refer_to_what_is_stored_already(tmp_path: Path, configuration: Configuration) -> None:
    await configuration.brands.put("acme", BrandContent(name="Acme"))
    folder = write(tmp_path, {"surveys/after.yaml": SURVEY})
    assert len(await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))) == 1


async def test_a_link_may_refer_to_what_is_stored_already(tmp_path: Path, configuration: Configuration) -> None:
    await apply_folder(write(tmp_path / "first", FILES), configuration, CHANNELS, confirm=answer(True))
    folder = write(tmp_path / "second", {"links/two.yaml": "survey: after\ntouchpoint: Gate 7\n"})
    assert len(await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))) == 1
    write(folder, {"links/two.yaml": "survey: after\ntouchpoint: Gate 8\n"})
    with pytest.raises(InvalidInput) as caught:
        await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))
    assert [(problem.pointer, problem.rule) for problem in caught.value.problems] == [
        ("links/two.yaml#/touchpoint", "exists")
    ]


async def test_a_brand_sends_people_to_the_hosts_of_the_settings_only(
    tmp_path: Path, configuration: Configuration
) -> None:
    redirect = {"url": "https://acme.example/", "label": {"en": "Back to the shop"}}
    folder = write(tmp_path, {"brands/acme.json": json.dumps({"name": "Acme", "redirects": [redirect]})})
    with pytest.raises(InvalidInput) as caught:
        await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))
    assert caught.value.problems[0].pointer == "brands/acme.json#/redirects/0/url"
    hosts = {"acme.example"}
    assert await apply_folder(folder, configuration, CHANNELS, confirm=answer(True), redirect_hosts=hosts)


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    tmp_path: Path, configuration: Configuration, mongodb_uri: str, database_name: str
) -> None:
    await configuration.brands.put("acme", BrandContent(name="Before"))

    def confirm(changes: list[Change]) -> bool:
        with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
            client[database_name]["brands"].update_one(
                {}, {"$set": {"name": "From elsewhere"}, "$inc": {"revision": 1}}
            )
        return True

    with pytest.raises(PreconditionFailed):
        await apply_folder(write(tmp_path, {"brands/acme.yaml": BRAND}), configuration, CHANNELS, confirm=confirm)
    stored = await configuration.brands.get("acme")
    assert stored is not None
    assert stored.name == "From elsewhere"


@pytest.mark.parametrize(
    ("name", "text", "pointer", "rule"),
    [
        ("brands/acme.yaml", "name: Acme\nname: Other\n", "brands/acme.yaml#", "yaml"),
        ("brands/acme.yaml", "name: [unclosed\n", "brands/acme.yaml#", "yaml"),
        ("brands/acme.yaml", "name: !!python/object:os.system x\n", "brands/acme.yaml#", "yaml"),
        ("brands/acme.yaml", "name: &a [*a]\n", "brands/acme.yaml#", "yaml"),
        ("brands/acme.yaml", "1: x\n", "brands/acme.yaml#", "yaml"),
        ("brands/acme.yaml", "", "brands/acme.yaml#", "model_type"),
        ("brands/acme.yaml", "name: 2013\n", "brands/acme.yaml#/name", "string_type"),
        ("brands/acme.yaml", "name: Acme\ncolour: red\n", "brands/acme.yaml#/colour", "extra_forbidden"),
        ("brands/acme.yaml", "name: Acme\ntimezone: Mars\n", "brands/acme.yaml#/timezone", "timezone"),
        ("brands/acme.json", '{"name": "Acme", "name": "Other"}', "brands/acme.json#", "json"),
        ("brands/Acme.yaml", BRAND, "brands/Acme.yaml#/id", "id"),
        ("brand/acme.yaml", BRAND, "brand/acme.yaml#", "layout"),
        ("acme.yaml", BRAND, "acme.yaml#", "layout"),
        ("triggers/a.yaml", TRIGGER.replace("false", "no"), "triggers/a.yaml#/enabled", "bool_type"),
        ("people/service.yaml", "name: Mia\n", "people/service.yaml#/id", "taken"),
        ("people/mia.yaml", "name: Mia\ntouchpoints: [x]\n", "people/mia.yaml#/touchpoints/0", "exists"),
        ("follow-ups/a.yaml", UNHAPPY, "follow-ups/a.yaml#/case/assign/people/0", "exists"),
        ("links/a.b.yaml", "survey: x\ntouchpoint: y\n", "links/a.b.yaml#/id", "id"),
    ],
)
async def test_a_wrong_file_is_named_with_place_and_rule(
    tmp_path: Path, configuration: Configuration, name: str, text: str, pointer: str, rule: str
) -> None:
    folder = write(tmp_path, {name: text})
    with pytest.raises(InvalidInput) as caught:
        await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))
    assert [(problem.pointer, problem.rule) for problem in caught.value.problems] == [(pointer, rule)]


async def test_a_yaml_fault_is_told_with_line_and_column(tmp_path: Path, configuration: Configuration) -> None:
    with pytest.raises(InvalidInput) as caught:
        await apply_folder(
            write(tmp_path, {"brands/acme.yaml": "name: Acme\ncontact: x\nname: Other\n"}),
            configuration,
            CHANNELS,
            confirm=answer(True),
        )
    assert caught.value.problems[0].message == "the key 'name' stands twice (line 3, column 1)"


async def test_two_files_of_one_id_are_refused(tmp_path: Path, configuration: Configuration) -> None:
    folder = write(tmp_path, {"brands/acme.yaml": BRAND, "brands/acme.json": '{"name": "Acme"}'})
    with pytest.raises(InvalidInput) as caught:
        await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))
    assert caught.value.problems[0].rule == "unique"


async def test_a_folder_without_configuration_is_refused(tmp_path: Path, configuration: Configuration) -> None:
    write(tmp_path, {"README.md": "nothing", ".git/brands/x.yaml": "x"})
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InvalidInput) as caught:
            await apply_folder(folder, configuration, CHANNELS, confirm=answer(True))
        assert caught.value.problems[0].rule == "empty"


@pytest.mark.parametrize("folder", [starter_folder(), demo_folder()])
async def test_the_packaged_folders_can_be_applied(folder: Path, configuration: Configuration) -> None:
    changes = await apply_folder(folder, configuration, frozenset(ChannelName), confirm=answer(True))
    assert {change.state for change in changes} == {ChangeState.NEW}


@pytest.mark.parametrize("folder", [starter_folder(), demo_folder()])
def test_the_packaged_surveys_speak_three_languages_in_short_subjects(folder: Path) -> None:
    surveys = [file.content for file in read_folder(folder) if isinstance(file.content, SurveyContent)]
    values = {"brand.name": "Example", "event.data.destination": "ORD"}
    for survey in surveys:
        subject = survey.messages.email.subject
        assert subject is not None
        assert survey.messages.email.intro is not None
        texts = [subject, survey.messages.email.intro, *([survey.thanks] if survey.thanks else [])]
        for question in survey.questions:
            texts += [question.text, *(label for label in (question.low_label, question.high_label) if label)]
            texts += [option.text for option in question.options]
            assert question.metric is None or (question.low_label and question.high_label)
        for text in texts:
            assert set(text) == {"en", "de", "es"}
        for line in subject.values():
            assert len(parse(line, values).render(values.get)) <= 50
