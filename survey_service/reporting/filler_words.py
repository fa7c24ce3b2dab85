"""A language comes in; the words that say nothing at the ends of a phrase go out: articles, pronouns, prepositions.

They are folded, as comments are.
"""

from __future__ import annotations

from survey_service.texts.folding import fold

_BY_LANGUAGE = {
    "en": """a about after again all also am an and another any anything are as at be because been before
        being both but by can cannot cant come could did didnt do does doesnt doing done dont down during each
        either else even ever every everything for from get gets getting go goes going gone got had has hasnt
        have havent having he her here him his how however i id if ill im in into is isnt it its itself ive
        just let like made make many may me might more most much must my myself neither no nor not nothing now
        of off on once one only or other our out over own per quite rather really s same she should since so
        some something still such t than that thats the their them then there these they theyre this those
        though through till to too two under until up upon us very was wasnt we well went were werent weve what
        when where whether which while who whom whose why will with within without wont would yet you your""",
    "de": """ab aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bin bis
        bitte da dabei dadurch dafur dagegen daher dahin damit danach dann daran darauf daraus darin daruber
        darum das dass davon dazu dein dem den denen denn der deren des deshalb die dies diese diesem diesen
        dieser dieses doch dort du durch eben ein eine einem einen einer eines einfach er erst es etwa etwas
        euch euer eure fur ganz gar gegen gemacht gewesen gibt ging habe haben hat hatte hatten hier hin hinter
        ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in ins ist ja je jede jedem jeden jeder jedes
        jedoch jetzt kann kein keine keinem keinen keiner konnte konnten man mal mehr mein meine meinem meinen
        meiner mich mir mit mochte muss musste mussten nach nicht nichts noch nun nur ob oder ohne recht schon
        sehr sein seine seinem seinen seiner seit selbst sich sie sind so sogar soll sollte sollten sondern
        sonst sowie trotz uber um und uns unser unsere unter viel viele vom von vor wahrend war ware waren
        warum was weg wegen weil weiter welche welcher wenn wer werde werden wie wieder will wir wird wo wohl
        wollte worden wurde wurden ziemlich zu zum zur zwar zwei zwischen""",
    "es": """a ademas al algo alguien algun alguna algunas alguno algunos alli ante antes aqui asi aun aunque
        bien cada casi como con contra cual cuando cuanto de del desde despues donde dos durante e el ella
        ellas ellos en entonces entre era eran eres es esa esas ese eso esos esta estaba estaban estado estamos
        estan estar estas este esto estos estoy fue fueron fui ha habia hace hacer han hasta hay he hemos hizo
        incluso ir la las le les lo los mas me mejor mi mis mismo mucha muchas mucho muchos muy nada ni no nos
        nosotros nuestra nuestro o os otra otras otro otros para pero poco por porque pues que quien se sea ser
        si sido siempre sin sino sobre solo son soy su sus tal tambien tampoco tan tanto te tener tengo ti
        tiene tienen toda todas todo todos tras tu tus un una unas uno unos usted va vez y ya yo""",
    "fr": """a ai aie alors apres as assez au aucun aucune aussi autre autres aux avaient avais avait avant
        avec avez avoir avons beaucoup bien c car ce ceci cela celle celui ces cet cette ceux chaque chez comme
        comment d dans de deja depuis des deux donc dont du elle elles en encore entre es est et etaient etais
        etait ete etes etre eu eux fait faire fois font fut hors il ils j jamais je jusqu l la le les leur
        leurs lui m ma mais me meme memes mes moi moins mon n ne ni non nos notre nous on ont ou par parce pas
        pendant peu peut plus pour pourquoi pres puis qu quand que quel quelle quelles quels qui quoi s sa sans
        se sera ses si soit son sont sous suis sur t ta tant te tes toi ton tous tout toute toutes tres trop tu
        un une vers vos votre vous y""",
    "pt": """a ainda algo alguem algum alguma alguns antes ao aos apenas apos aquela aquele aqui as assim ate
        bem cada com como contra da das de dela dele depois desde do dois dos e ela elas ele eles em entre era
        eram essa essas esse esses esta estao estar estas estava este estes eu faz fazer foi for foram ha isso
        isto ja la lhe mais mas me mesmo meu meus minha muita muitas muito muitos na nada nao nas nem no nos
        nossa nosso num numa o onde os ou outra outras outro outros para pela pelas pelo pelos per por porque
        pouco quando que quem se seja sem sempre ser seu seus so sobre sua suas tambem tao tem tenho ter teve
        tinha toda todas todo todos tudo um uma umas uns vai voce voces""",
    "it": """a abbiamo ad agli ai al alla alle allo anche ancora avere aveva avevo c che chi ci cioe come con
        contro cosa cosi cui d da dai dal dalla dalle dallo degli dei del dell della delle dello di dopo dove
        due e ed era erano ero essere fa fare fatto fino fra gia gli ha hai hanno ho i il in io l la le lei li
        lo loro lui ma mai me mi mia mio molta molti molto ne negli nei nel nell nella nelle no noi non nostra
        nostro o ogni ora per perche piu po poco poi prima proprio qua quale quando quanto quello questa queste
        questi questo qui quindi se sei sempre senza si sia siamo solo sono sta stata stati stato su sua sui
        sul sulla sulle suo suoi tra troppo tutta tutte tutti tutto un una uno vi voi""",
    "nl": """aan al alle alleen als altijd andere ben bij dan dat de der deze die dit doch doen door dus een
        eens en er erg geen geweest had hadden heb hebben heeft heel het hier hij hoe hun iets ik in is ja je
        jij kan kon kunnen maar me meer men met mij mijn moest moet na naar niet niets nog nooit nu of om omdat
        ons onze ook op over te tegen toch toen tot u uit uw van veel voor waar waren was wat we wel werd wie
        wij wil worden wordt zal ze zeer zelf zich zij zijn zo zonder zou""",
    "ar": """في من على الى إلى عن مع هذا هذه ذلك تلك التي الذي الذين ان أن إن كان كانت لم لا ما هو هي هم انا
        أنا نحن و او أو ثم لكن قد كل بعد قبل عند حتى جدا كما لقد ليس يوم منذ بين غير هناك""",
}

_FILLERS = {language: frozenset(fold(text).text.split()) for language, text in _BY_LANGUAGE.items()}


def filler_words(language: str) -> frozenset[str]:
    """The fillers of a language; none are known of most."""
    return _FILLERS.get(language, frozenset())
