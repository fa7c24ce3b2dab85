"""How people write a score: the numbers in words, and what stands around a number that is one. Data.

Everything is spelled properly and folded before use, so accents and capitals do not matter. Lists are divided by white
space; an underscore is a space within a phrase.
"""

from __future__ import annotations

NUMBERS: dict[str, str] = {  # from 0 on; other spellings of a number are divided by a slash
    "en": "zero one two three four five six seven eight nine ten",
    "de": "null eins zwei/zwo drei vier fünf/fuenf sechs sieben acht neun zehn",
    "es": "cero uno dos tres cuatro cinco seis siete ocho nueve diez",
    "fr": "zéro un/une deux trois quatre cinq six sept huit neuf dix",
    "pt": "zero um/uma dois/duas três quatro cinco seis sete oito nove dez",
}

# Also articles, "very" (très, once its accent is gone) and other small words: a number only when they stand alone or
# give their reason.
HARDLY_NUMBERS = "un une uno um uma one dos tres"

# What may stand before a score and adds nothing to it. "Note" alone is not here, since the German Note 1 is the
# best mark.
LEADS = """
i id ill im would say give gave rate rated it its is was be a an the my score rating answer reply number you your for
this that probably maybe perhaps definitely solid strong clear easy full think guess go with hi hello hey ok okay yes
sure well so overall honestly from me absolute perfect big thanks thank
ich würde wuerde sage sagen gebe geben vergebe eine einen ein ne nen meine bewertung antwort punktzahl zahl ist das es
wäre von mir euch ihnen dafür vielleicht wahrscheinlich definitiv klare klares glatte gute volle starke hallo ja danke
je dirais donne donnerais mets mettrais vous lui un une c'est cest ce sera ma_note est score réponse peut-être
certainement bonjour oui franchement merci
yo diría digo doy daría le les te pongo pondría mi puntuación calificación valoración respuesta nota es sería un una
que quizás quizá creo hola sí claro gracias
eu daria dou diria acho seria é um uma minha avaliação pontuação resposta talvez com certeza olá oi sim para mim
obrigado obrigada
"""

OUT_OF = "out_of of over von aus auf sur de sobre em"
POINTS = "point points pts punkt punkte punkten puntos punto pontos ponto"
STARS = "star stars stern sterne sternen étoile étoiles estrella estrellas estrela estrelas"

# What begins a reason: after it, no number can have been a count.
CONNECTORS = """
because cause cuz cos coz bc since as but due for
weil da denn aber wegen für
parce car mais puisque grâce pour
porque pq xq pero por para
pois mas
"""

# What begins a comment right after a figure: "9 great crew", not "9 people". Words that can be counted stay out.
OPENERS = """
i it its was were the we my you your they there this that everything nothing all very really so too thanks thank thx
great good nice excellent amazing perfect awesome fantastic wonderful terrible awful bad poor best worst love loved
would always not no only just maybe probably definitely overall tbh if from_me from_us super top friendly fast quick
service
ich es ist war wir ihr alles nichts sehr echt danke vielen gut gute guter gutes toll tolle toller tolles klasse prima
schnelle netter nette nettes freundlich freundliche leider nur das die der bin immer mega von_mir von_uns perfekt
schlecht schlechter
je c'est c'était cest tout rien très merci bon bonne excellent excellente parfait parfaite nous vous le la les j'ai
personnel toujours génial mauvais accueil
todo nada muy gracias excelente buen buena bueno me estoy fue el lo genial perfecto siempre servicio mal mala malo
tudo muito obrigado obrigada ótimo ótima bom boa foi adorei gostei recomendo atendimento perfeito sempre péssimo
"""

# What makes "3." an ordinal: "3. Mai", "2. Versuch".
ORDINAL_NOUNS = """
januar jänner februar märz april mai juni juli august september oktober november dezember klasse stock etage versuch
anlauf mal platz tag reihe januar jan feb mär apr jun jul aug sep sept okt nov dez
"""
