"""What a person wrote in a mail is told from what their client quoted, in the words of many clients and languages."""

from __future__ import annotations

import pytest

from survey_service.texts.own_words import own_words

QUOTED = "> Hello Ada,\n> How likely are you to recommend Acme?\n>\n> -- \n> Unsubscribe: https://survey.example/u/x"
UNQUOTED = "Hello Ada,\nHow likely are you to recommend Acme?\n"

ATTRIBUTIONS = {
    "gmail en": "On Mon, Nov 24, 2025 at 10:00 AM Acme <hello@acme.example> wrote:",
    "gmail en, wrapped": "On Mon, Nov 24, 2025 at 10:00 AM Acme Customer Care Department <hello@acme.example>\nwrote:",
    "gmail de": "Am Mo., 24. Nov. 2025 um 10:00 Uhr schrieb Acme <hello@acme.example>:",
    "gmail fr": "Le lun. 24 nov. 2025 à 10:00, Acme <hello@acme.example> a écrit :",
    "gmail es": "El lun, 24 nov 2025 a las 10:00, Acme (<hello@acme.example>) escribió:",
    "gmail pt": "Em seg., 24 de nov. de 2025 às 10:00, Acme <hello@acme.example> escreveu:",
    "gmail ar": "في الاثنين، 24 نوفمبر 2025 في 10:00 ص تمت كتابة ما يلي بواسطة Acme <hello@acme.example>:",
    "apple en": "On 24. Nov 2025, at 10:00, Acme <hello@acme.example> wrote:",
    "apple de": "Am 24.11.2025 um 10:00 schrieb Acme <hello@acme.example>:",
    "apple fr": "Le 24 nov. 2025 à 10:00, Acme <hello@acme.example> a écrit :",
    "thunderbird en": "On 11/24/25 10:00, Acme wrote:",
    "yahoo de": "Am Montag, 24. November 2025 um 10:00:00 MEZ hat Acme <hello@acme.example> Folgendes geschrieben:",
}
OLD_MAILS = {
    "outlook en": "________________________________\nFrom: Acme <hello@acme.example>\nSent: Monday, November 24, 2025",
    "outlook de": "Von: Acme <hello@acme.example>\nGesendet: Montag, 24. November 2025 10:00\nAn: Ada",
    "outlook fr": "De : Acme <hello@acme.example>\nEnvoyé : lundi 24 novembre 2025 10:00\nÀ : Ada",
    "outlook es": "De: Acme <hello@acme.example>\nEnviado: lunes, 24 de noviembre de 2025 10:00\nPara: Ada",
    "outlook pt": "De: Acme <hello@acme.example>\nEnviada em: segunda-feira, 24 de novembro de 2025 10:00\nPara: Ada",
    "outlook, bold": "*From:* Acme <hello@acme.example>\n*Sent:* Monday, November 24, 2025",
    "old outlook en": "-----Original Message-----\nFrom: Acme",
    "old outlook de": "-----Ursprüngliche Nachricht-----\nVon: Acme",
    "gmx de": "Gesendet: Montag, 24. November 2025 um 10:00 Uhr\nVon: Acme <hello@acme.example>",
}


@pytest.mark.parametrize("client", ATTRIBUTIONS)
@pytest.mark.parametrize("old", [QUOTED, UNQUOTED], ids=["quoted", "as it is"])
def test_what_stands_below_who_wrote_when_is_not_the_authors(client: str, old: str) -> None:
    assert own_words(f"It was late: by 2 days.\r\n\r\nAda\n\n{ATTRIBUTIONS[client]}\n\n{old}") == (
        "It was late: by 2 days.\n\nAda"
    )


@pytest.mark.parametrize("client", OLD_MAILS)
def test_the_old_mail_below_its_header_fields_is_not_the_authors(client: str) -> None:
    assert own_words(f"It was late.\n\n{OLD_MAILS[client]}\nSubject: How did we do?\n\n{UNQUOTED}") == "It was late."


def test_what_stands_between_and_below_quotations_is_kept() -> None:
    text = f"{ATTRIBUTIONS['gmail en']}\n> How likely?\n\n9\n\n> Why?\n\nFast."
    assert own_words(text) == "9\n\nFast."


@pytest.mark.parametrize(
    "added",
    [
        "-- \nAda Weber\nHauptstr. 1",
        "--\nAda",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Gesendet von Outlook für Android",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Enviado do meu iPhone",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
    ],
)
def test_signatures_and_what_phones_add_are_left_out(added: str) -> None:
    assert own_words(f"9, all fine\n\n{added}") == "9, all fine"


@pytest.mark.parametrize(
    "text",
    [
        "On Monday at 9 I called, and nobody wrote back",
        "From: the shop to my door it took 3 weeks",
        "Von 9 bis 17 Uhr war niemand da.\nDann kam er.",
        "On 24 November you wrote: we come tomorrow. You did not.",
        "- late\n- broken\n-- and nobody answered",
        "Le 24 novembre rien n'est arrivé",
    ],
)
def test_words_that_only_look_like_a_quotation_are_kept(text: str) -> None:
    assert own_words(text) == text


@pytest.mark.parametrize("text", ["", "\n\n", "> only\n> quoted", "-- \nAda", ATTRIBUTIONS["gmail en"] + "\n" + QUOTED])
def test_nothing_is_left_of_a_mail_without_words(text: str) -> None:
    assert own_words(text) == ""


@pytest.mark.parametrize(
    "text", ["On " * 20_000, "On 1" + " wrote" * 10_000, ">" * 60_000, "_" * 60_000, "a\n" * 30_000]
)
def test_hostile_texts_are_read_in_time(text: str) -> None:
    own_words(text)
