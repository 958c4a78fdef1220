"""Answer one question: which words carry no meaning of their own, which deny, and which are opposites?"""

from __future__ import annotations

from collections.abc import Mapping


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS = _set(
    """a an the this that these those it its is are was were be been being am do does did done have has had having
    will would shall should can could may might must to of in on at by for from with as and or but if then than
    so such there here you your yours we our us i my me he she they them their his her who which what when where
    how please also just only very any some each per about into over out up off more most own same too s t ll ve
    re d within take takes taking took taken"""
)
# What denies the sentence in which it stands. French "ne" counts and its "pas" does not, else they would cancel out.
NEGATIONS = _set(
    """not no never none nothing nobody neither cannot without unable lack lacks lacking hardly scarcely barely non
    nicht kein keine keinen keiner keinem keines nie niemals nichts niemand ohne weder
    nunca jamás ningún ninguno ninguna nadie nada sin ne sans não sem senza niet geen nooit zonder nie bez
    不 没 未 非 别"""
)
# What limits a statement, by its class: a sentence with a limit of another class may say something else.
_LIMITS = {
    "must": "must",
    "may": "may might can could",
    "should": "should ought",
    "all": "all every each both",
    "some": "some several",
    "few": "few little",
    "many": "many much",
    "most": "most",
    "only": "only just alone solely",
    "almost": "almost nearly",
    "if": "if when whenever",
    "unless": "unless except excluding besides",
    "until": "until till",
    "contrast": "but despite although though however",
    "cause": "because since",
    "before": "before earlier",
    "after": "after later",
    "more": "more",
    "less": "less fewer",
    "than": "than",
    "nor": "nor or either",
    "at": "least",
    "same": "same",
    "up": "up",
    "down": "down",
    "over": "over above",
    "under": "under below",
    "left": "left",
    "right": "right",
    "off": "off",
    "out": "out",
}
LIMITS = {word: name for name, words in _LIMITS.items() for word in words.split()}
# One way to say what is often said in several, so that a denial in it does not count: "no later than" denies nothing.
IDIOMS: tuple[tuple[str, str], ...] = (
    (r"not only|nicht nur|no s[oó]lo|non seulement", " "),
    (r"but also|sondern auch|sino también|mais (?:aussi|encore)", " and "),
    (r"no later than|not later than", "by"),
    (r"(?:no|not) (?:more|longer) than|a maximum of|up to", "at most"),
    (r"(?:no|not) (?:less|fewer) than|a minimum of", "at least"),
    (r"(?:do not|don't) hesitate to", "feel free to"),
    (r"no doubt|without (?:a )?doubt", "surely"),
    (r"no problem|not a problem|no worries", "fine"),
    (r"(?:have|has|had|needs?|required) to", "must"),
    (r"(?:able|allowed|permitted) to", "can"),
    (r"fail(?:s|ed)? to|refuse(?:s|d)? to|declined? to", "not"),
    (r"as soon as|once", "when"),
    (r"due to|owing to", "because of"),
    (r"(?:is|are|am) going to", "will"),
    (r"takes? place", "is"),
    (r"com(?:es|ing) to an end", "ends"),
    (r"together with|along with", "with"),
)
_IRREGULAR = """grew grown grow
went gone go
sent send
paid pay
made make
got gotten get
gave given give
wrote written write
sold sell
bought buy
came come
left leave
lost lose
won win
kept keep
held hold
began begun begin
broke broken break
chose chosen choose
rose risen rise
fell fallen fall
saw seen see
knew known know
met meet
told tell
said say
brought bring
built build
spent spend"""
# The verb of an irregular form.
IRREGULAR = {form: line.split()[-1] for line in _IRREGULAR.splitlines() for form in line.split()[:-1]}
# Sentences that say nothing: they may come and go.
COURTESY = (
    r"(?:sure|certainly|of course|absolutely|great(?: question)?|hello|hi(?: there)?"
    r"|thanks?(?: you)?(?: for \w+ (?:out|us|in touch))?"
    r"|happy to help|i hope (?:this|that) helps|have a (?:great|nice|good) day|here (?:it is|you go|you are)"
    r"|(?:please )?(?:feel free to|do not hesitate to|don't hesitate to) (?:ask|contact us|reach out)"
    r"(?: (?:if|with|for|again)\b[\w ,]*(?:questions?|help|assistance|anything else|information))?"
    r"|(?:please )?let (?:me|us) know if (?:you (?:have|need)|there is)\b[\w ,]*)"
)

_PAIRS = """approv reject
approv declin
accept reject
accept declin
allow forbid
allow prohibit
allow block
permit prohibit
increas decreas
rise fall
ris fall
rais lower
higher lower
high low
more less
before after
start stop
begin end
open clos
enabl disabl
includ exclud
pass fail
succeed fail
success failur
valid invalid
legal illegal
possibl impossibl
tru fals
yes no
safe unsafe
eligibl ineligibl
availabl unavailabl
active inactive
activ inactiv
complet incomplet
posit negativ
positiv negativ
maximum minimum
above below
buy sell
add remov
win los
gain los
first last
earlier later
faster slower
correct incorrect
required optional
requir optional
refundabl nonrefundabl
paid unpaid
online offline
agre disagre
profit los
recommend discourag
always never"""


# Beginnings that turn a word into its opposite.
PREFIXES = ("un", "in", "im", "ir", "il", "non", "dis", "mis")
# Words that such a beginning turns into something else: to press and to impress.
NO_OPPOSITE = _set("count cover charg clos press pos vest vent tend form play plant")


def _both(pairs: str) -> Mapping[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in pairs.splitlines():
        one, other = line.split()
        found[one] = found.get(one, frozenset()) | {other}
        found[other] = found.get(other, frozenset()) | {one}
    return found


# Opposites, both as they stand without their endings.
OPPOSITES = _both(_PAIRS)

LANGUAGES: Mapping[str, frozenset[str]] = {
    "English": _set("the and is of to in that for with are this your you be will has it on not"),
    "German": _set("der die das und ist nicht ein eine zu mit für auf den von sie wird ich im werden ihre"),
    "French": _set("le la les et est des une un du pour dans que vous pas sur avec votre sera nous qui"),
    "Spanish": _set("el la los y es de que en un una para con por su no las del se está será"),
    "Italian": _set("il la e è di che un una per con non del della sono le nel gli sarà suo alla"),
    "Portuguese": _set("o a os e é de que em um uma para com não do da seu será no na as"),
    "Dutch": _set("de het een en is van niet dat op voor met zijn te in wordt uw aan u ook er"),
    "Polish": _set("i w na nie jest że z do się to jak po za przez od który będzie dla są"),
}
