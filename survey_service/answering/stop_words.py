"""What people write to be left alone, to come back, or to ask who we are, in five languages. Data.

Phrases are divided by commas and spelled properly; they are folded before use, so accents and capitals do not matter.
`…` stands for up to four words. An apostrophe joins ("m'écrire" is one word), and so does a hyphen between letters.
"""

from __future__ import annotations

from dataclasses import dataclass

# What is understood beside any language. The opt-out words of the FCC (47 CFR 64.1200(a)(10)) and of Twilio come in two
# parts: what can only mean messages, and what also means other things, so that it has to stand alone ("the end").
STOP_KEYWORDS = "stop, stopall, stop all, unsubscribe, optout, opt out"
AMBIGUOUS_KEYWORDS = "cancel, end, quit, revoke"
START_KEYWORDS = "start, unstop"
HELP_KEYWORDS = "help, info, aiuto"


@dataclass(frozen=True, slots=True)
class Phrases:
    """What one language has for it, beside the keywords of all."""

    stop: str  # opts out, alone or among words of this list that add nothing
    alone: str  # opts out only as the whole message, apart from courtesies
    no_more: str  # opts out together with `about`
    about: str  # the messages, and sending them
    negation: str  # right before a stop word it means the opposite
    courtesy: str  # adds nothing anywhere
    filler: str  # adds nothing to a sentence that opts out
    start: str  # opts in, as the whole message
    help: str  # asks who is writing, as the whole message


PHRASES: dict[str, Phrases] = {
    "en": Phrases(
        stop="stopping, unsub, unsuscribe, unsubcribe, remove me, remove my number, remove, take me off, delete me, "
        "delete my number, delete my phone number, lose my number, leave me alone, no texts, no messages, opt me out, "
        "do not disturb, cancel my subscription, cancel subscription",
        alone="no stop, enough, no sms, quit it",
        no_more="dont, do not, no more, no further, never … again, cancel, end, quit, revoke",
        about="text, texts, texting, message, messages, messaging, msg, msgs, sms, survey, surveys, contact, "
        "contacting, send, sending, spam, spamming, bothering, write, writing, notifications, email, emails, "
        "emailing, mail, mails, mailing, asking",
        negation="dont, do not, not, never, no, non, wont, didnt, cant",
        courtesy="please, pls, plz, kindly, thanks, thank, you, thx, now, immediately, asap, just, ok, okay, hi, "
        "hello, hey, sorry, already, right, fucking, bloody, damn, shit, crap, ffs",
        filler="me, us, i, im, id, ive, want, wish, would, like, to, can, could, will, your, my, the, these, those, "
        "this, that, it, any, anymore, more, further, from, off, with, phone, number, list, again, and, ever",
        start="restart, resume, subscribe, resubscribe, opt in, optin, opt me in, start again, "
        "text me again, start texting me, start texting me again",
        help="help me, information, who is this, whos this, who are you, who dis, what is this, "
        "whats this, how do i stop this, how do i stop, how do i unsubscribe, how do i opt out",
    ),
    "de": Phrases(
        stop="stopp, stoppen, stoppt, stoppe, aufhören, aufhoeren, hör … auf, hört … auf, hören sie … auf, abmelden, "
        "abmeldung, melden sie mich ab, meldet mich ab, abbestellen, austragen, tragt mich aus, löschen sie mich, "
        "löscht mich, lass mich in ruhe, lasst mich in ruhe, lassen sie mich in ruhe, lasst das, lassen sie das",
        alone="ende, schluss, schluss damit, beenden, es reicht, genug, keine sms, keine nachrichten, keine umfragen, "
        "keine werbung, nicht mehr schreiben, widerruf, widerrufen",
        no_more="keine … mehr, keine weiteren, nicht mehr, nicht weiter, nie wieder, nichts mehr, schluss mit, beenden",
        about="sms, nachrichten, nachricht, mitteilungen, textnachrichten, werbung, umfragen, umfrage, anfragen, "
        "mail, mails, email, emails, schreiben, schreibt, schreib, anschreiben, schicken, schickt, senden, sendet, "
        "zusenden, kontaktieren, "
        "kontaktiert, belästigen",
        negation="nicht, nie, kein, keinen",
        courtesy="bitte, danke, jetzt, sofort, endlich, mal, doch, einfach, ja, nein, hallo, ok, umgehend, gerne",
        filler="ich, möchte, will, wünsche, sie, ihr, mir, mich, uns, mehr, weitere, weiteren, damit, diese, diesen, "
        "die, der, das, dem, zu, von, euch, eure, ihre, ihnen, an, mit, meine, nummer, liste, hiermit, wieder, "
        "erhalten, bekommen, künftig",
        start="anmelden, wieder anmelden, fortsetzen, wieder starten, starten",
        help="hilfe, infos, information, wer ist das, wer ist da, wer seid ihr, wer sind sie, wer bist du, "
        "wer schreibt da, was ist das, wie melde ich mich ab, wie kann ich mich abmelden",
    ),
    "fr": Phrases(
        stop="arrêt, désabonne, arrêter, arrêtez, arrête, arrêtes, arrêtez ça, désabonner, me désabonner, "
        "désabonnement, désabonnez-moi, désabonnez moi, désinscrire, me désinscrire, désinscription, désinscrivez-moi, "
        "désinscrivez moi, retirez-moi, retirez moi, supprimez-moi, supprimez mon numéro, laissez-moi tranquille, "
        "laissez moi tranquille, fichez-moi la paix, foutez-moi la paix, ne plus recevoir",
        alone="fin, annuler, résilier, ça suffit, plus de sms, plus de messages, pas de sms, pas de messages, stop sms",
        no_more="ne … plus, plus de, plus aucun, plus jamais, plus",
        about="sms, message, messages, texto, textos, mail, mails, email, emails, courriels, sondages, sondage, "
        "enquêtes, écrire, m'écrire, écrivez, "
        "m'écrivez, n'écrivez, envoyer, m'envoyer, envoyez, m'envoyez, n'envoyez, contacter, contactez, déranger, "
        "recevoir",
        negation="ne, n, pas, non",
        courtesy="s'il, vous, te, plaît, svp, stp, merci, maintenant, immédiatement, tout, suite, bonjour, ok, "
        "ça, d'accord",
        filler="de, des, du, la, le, les, me, moi, je, nous, veux, voudrais, souhaite, ne, vos, ces, cette, ce, votre, "
        "liste, mon, numéro, avec, aucun, à, d'envoyer",
        start="commencer, reprendre, recommencer, réabonner, me réabonner, m'abonner, s'abonner, abonner",
        help="aide, aidez-moi, aidez moi, infos, informations, qui est-ce, qui est ce, c'est qui, qui êtes-vous, "
        "qui êtes vous, qui es tu, c'est quoi",
    ),
    "es": Phrases(
        stop="parar, paren, parad, pare, para ya, dar de baja, darme de baja, dame de baja, dame la baja, "
        "deme de baja, denme de baja, date de baja, dadme de baja, de baja, desuscribir, desuscribirme, desuscribirse, "
        "desuscribe, cancelar suscripción, cancelar la suscripción, no molestar, no molesten, déjame en paz, "
        "déjenme en paz, dejadme en paz, bórrame, bórrenme, bórreme, borradme, elimíname, quítame de la lista",
        alone="baja, para, basta, ya basta, fin, salir, cancelar, cancela, cancelen, detener, anular, terminar, "
        "no más, no sms",
        no_more="no … más, no más, deja de, deje de, dejen de, dejad de, dejar de, paren de, para de, pare de, "
        "basta de, ni un … más, no me, no quiero, cancelar",
        about="sms, mensaje, mensajes, mensajitos, textos, encuestas, encuesta, correo, correos, email, emails, "
        "escribir, escribirme, "
        "escriban, escriba, escribas, escribáis, enviar, enviarme, envíen, envíe, envíes, mandar, mandarme, manden, "
        "mande, mandes, contactar, contacten, contactarme, molestar, recibir",
        negation="no",
        courtesy="por, favor, porfa, porfavor, gracias, ya, ahora, inmediatamente, hola, ok, sí",
        filler="me, de, la, el, los, las, estos, este, esta, sus, su, quiero, quisiera, deseo, que, más, lista, mi, "
        "número, un, solo, con",
        start="alta, darme de alta, reanudar, iniciar, comenzar, empezar",
        help="ayuda, información, quién es, quién eres, quiénes son, quién habla, qué es esto",
    ),
    "pt": Phrases(
        stop="parar, parem, pare, pare com isso, descadastrar, descadastre, descadastrem, descadastro, "
        "me descadastre, desinscrever, cancelar inscrição, cancelar a inscrição, remover, me remova, me remove, "
        "remova meu número, me tire da lista, me tira da lista, me deixe em paz, me deixem em paz, me deixa em paz, "
        "não perturbe",
        alone="sair, cancelar, cancela, cancele, fim, chega, basta, para, encerrar, sem sms, não mais",
        no_more="não … mais, não mais, chega de, basta de, nada de, parem de, pare de, para de, parar de, não me, "
        "não quero, cancelar",
        about="sms, mensagem, mensagens, torpedos, pesquisa, pesquisas, email, emails, mandar, mande, mandem, "
        "manda, enviar, "
        "envie, enviem, escrever, escreva, escrevam, contatar, contatem, contactar, contactem, receber, incomodar",
        negation="não, nunca",
        courtesy="por, favor, pfv, obrigado, obrigada, já, agora, imediatamente, olá, oi, ok, sim, gentileza",
        filler="me, de, da, a, o, os, as, estas, essas, esses, isso, quero, gostaria, desejo, mais, lista, meu, "
        "número, com, nenhuma",
        start="começar, recomeçar, retomar, reativar, inscrever, iniciar",
        help="ajuda, informação, informações, quem é, quem é você, quem são vocês, quem fala, o que é isso",
    ),
}
