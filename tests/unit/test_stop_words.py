"""Every way of saying stop, start and help, and the comments that only look like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey_service.answering.commands import Command, mentions_stop, read_command
from survey_service.answering.stop_words import PHRASES
from survey_service.texts.folding import fold

# 47 CFR 64.1200(a)(10) and Twilio's default keywords
KEYWORDS = [
    "STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT OUT",
    "OPT-OUT",
]  # fmt: skip
DRESSES = [
    "{}", " {}\n", "{}.", "{}!!!", '"{}"', "“{}”", "'{}'", "({})", "*{}*", "\u200f{}\u200f", "\u200b{}\ufeff",
    "{} 🛑", "{} 9", "9 {}", "9. {}", "{}, please",
]  # fmt: skip

OPT_OUTS = [
    # English
    "please stop", "Pls stop", "stop please", "STOP STOP STOP", "stop " * 50, "Stop!!!", "Stop it", "stop texting me",
    "STOP TEXTING ME!!", "Stop messaging me", "please stop sending me messages", "can you please stop texting me",
    "I want to stop this", "I'd like to opt out", "opt me out", "unsubscribe me please",
    "unsubscribe me from this list", "remove me", "Remove my number from your list", "take me off this list",
    "no more texts", "No more messages please", "no texts", "Don't text me", "dont text me again",
    "do not contact me", "Please don’t message me anymore", "never text me again", "leave me alone",
    "cancel texts", "end messages", "Stop fucking texting me", "Cancel my subscription", "No, stop", "NO STOP",
    "9, stop", "STOP 9", "STOP Acme", "STOP - wrong number", "Stop. Who is this?",
    "Food was cold. Please stop texting me.", "s\u0301top", "ＳＴＯＰ", "𝐒𝐓𝐎𝐏", "Ⓢⓣⓞⓟ", "st\u200bop",
    # German
    "stopp", "Stopp!", "Bitte stoppen", "bitte aufhören", "AUFHÖREN", "bitte aufhoeren", "Hört auf",
    "hören Sie bitte auf", "abmelden", "Bitte abmelden!", "melden Sie mich ab", "abbestellen", "keine SMS mehr",
    "Bitte keine weiteren SMS", "Keine Nachrichten mehr bitte", "Ich möchte keine SMS mehr erhalten",
    "bitte keine SMS", "nicht mehr schreiben", "Bitte schreiben Sie mir nicht mehr", "Lasst mich in Ruhe!",
    "Ende", "Schluss", "stop bitte", "Nein danke, stopp",
    # French
    "arrêt", "ARRET", "Arrêtez", "arretez svp", "Arrêtez de m'écrire", "Arrêtez de m’envoyer des SMS", "stop sms",
    "désabonner", "desabonner", "Désabonnez-moi", "me désabonner", "désinscription", "plus de SMS",
    "Plus de messages svp", "Ne m'envoyez plus de messages", "ne plus m'écrire",
    "Je ne veux plus recevoir de SMS", "laissez-moi tranquille", "stop s'il vous plaît", "non, stop", "ça suffit",
    # Spanish
    "baja", "BAJA", "Darme de baja", "quiero darme de baja", "dar de baja por favor", "cancelar", "parar",
    "paren ya", "Basta", "no más mensajes", "no mas mensajes", "No más SMS por favor", "no me escriban más",
    "No me envíen más mensajes", "No quiero recibir más mensajes", "dejen de escribirme",
    "Deja de mandarme mensajes", "déjenme en paz", "salir", "desuscribirme", "no molestar", "stop por favor",
    # Portuguese
    "sair", "SAIR", "pare", "Pare!", "parar", "parem por favor", "cancelar", "descadastrar", "Chega",
    "não quero mais mensagens", "nao quero mais receber mensagens", "Não me mande mais SMS",
    "parem de me mandar mensagens", "chega de mensagens", "me tire da lista", "me deixe em paz", "remover",
    "cancelar inscrição",
]  # fmt: skip

COMMENTS = [
    "please stop making us queue", "the bus didn't stop", "The bus stop was closed", "Non-stop fun", "non stop",
    "full stop", "I had to cancel my flight", "cancel my order", "Cancel appointment", "end of story: 3",
    "the end", "In the end it was fine", "9 - could not stop smiling", "Don't stop",
    "please don't stop texting me", "Never stop", "stop overbooking", "Stop wasting our time with queues",
    "I almost quit", "weekend", "unstoppable", "no", "no thanks", "nothing", "no message", "not good",
    "I never got a text", "Great flight. No stop.", "Nicht aufhören", "Der Bus hat nicht gestoppt",
    "Die Haltestelle Stopp war zu", "Keine SMS erhalten", "Am Ende war alles gut", "Bitte nicht stoppen",
    "L'arrêt de bus était loin", "sans arrêt", "N'arrêtez pas", "plus de personnel", "pas mal",
    "Très bien, merci", "la fin était longue", "Tuve que cancelar mi vuelo", "Para mí todo bien", "no paren",
    "Baja calidad", "no cancelar", "No más colas", "não pare", "Para mim foi bom", "Sair do avião demorou",
    "Tive que cancelar", "mais mensagens", "", "👍", "🛑", "!!!", "{{stop}} or not", "9", "message", "sms",
    "please",
]  # fmt: skip


def command(text: str) -> Command | None:
    return read_command(fold(text))


@pytest.mark.parametrize("keyword", KEYWORDS)
@pytest.mark.parametrize("dress", DRESSES)
def test_a_keyword_alone_opts_out_however_it_is_written(keyword: str, dress: str) -> None:
    for written in (keyword, keyword.lower(), keyword.capitalize()):
        assert command(dress.format(written)) is Command.STOP


@pytest.mark.parametrize("text", OPT_OUTS)
def test_short_plain_language_opts_out(text: str) -> None:
    assert command(text) is Command.STOP


@pytest.mark.parametrize("text", COMMENTS)
def test_a_comment_opts_nobody_out(text: str) -> None:
    assert command(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "START", "start bitte", "Unstop", "UNSTOP please", "resume", "opt in", "opt-in", "Start again", "subscribe",
        "text me again", "anmelden", "Bitte wieder anmelden", "reprendre svp", "me réabonner", "ALTA", "darme de alta",
        "retomar", "recomeçar",
    ],
)  # fmt: skip
def test_asking_for_messages_again_opts_in(text: str) -> None:
    assert command(text) is Command.START


@pytest.mark.parametrize(
    "text", ["Yes", "ja", "start was late", "The start was good", "9 to start with", "alta calidad", "STOP, not START"]
)
def test_agreement_and_comments_opt_nobody_in(text: str) -> None:
    assert command(text) is not Command.START


@pytest.mark.parametrize(
    "text",
    [
        "HELP", "help?", "Help me please", "INFO", "Who is this?", "who's this", "What is this",
        "How do I unsubscribe?", "Hilfe", "Wer ist das?", "aide", "Qui êtes-vous ?", "C'est qui ?", "ayuda",
        "¿Quién es?", "información", "ajuda", "Quem é?", "AIUTO", "Info bitte",
    ],
)  # fmt: skip
def test_asking_who_writes_is_a_call_for_help(text: str) -> None:
    assert command(text) is Command.HELP


@pytest.mark.parametrize(
    "text", ["nobody could help me at the gate", "help desk was closed", "no info at all", "Aide rapide"]
)
def test_help_in_a_comment_is_no_call_for_it(text: str) -> None:
    assert command(text) is None


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("please stop making us queue", True),
        ("I had to CANCEL my flight", True),
        ("how do I opt-out of the waiting list", True),
        ("tragt mich aus der Warteliste aus", True),
        ("arrêtez de fermer si tôt", True),
        ("non-stop smiles", False),
        ("unstoppable weekend", False),
        ("para mí todo bien", False),
        ("", False),
    ],
)
def test_a_stop_word_is_noticed_anywhere(text: str, mentioned: bool) -> None:
    assert mentions_stop(fold(text)) is mentioned


@pytest.mark.parametrize("language", PHRASES)
def test_every_phrase_of_the_lists_does_what_its_list_says(language: str) -> None:
    phrases = PHRASES[language]
    for phrase in (*phrases.stop.split(","), *phrases.alone.split(",")):
        assert command(phrase.replace("…", "").strip()) is Command.STOP, phrase
    for phrase in phrases.start.split(","):
        assert command(phrase.strip()) is Command.START, phrase
    for phrase in phrases.help.split(","):
        assert command(phrase.strip()) is Command.HELP, phrase


@given(st.text(), st.sampled_from(["STOP", "stop", "Unsubscribe", "stopp", "arrêt"]))
def test_a_line_of_its_own_opts_out_whatever_stands_around_it(text: str, word: str) -> None:
    assert command(f"{text}\n{word}\n{text}") is Command.STOP


@given(st.text())
def test_folding_keeps_track_of_where_each_character_came_from(text: str) -> None:
    folded = fold(text)
    assert len(folded.origins) == len(folded.text) + 1
    assert list(folded.origins) == sorted(folded.origins)
    assert folded.text == folded.text.strip()
    assert text.endswith(folded.written(0))
    assert "".join(folded.written(i, i + 1) for i in range(len(folded.text))) == folded.written(0)
