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
    re d"""
)
NEGATIONS = _set(
    """not no never none nothing nobody neither nor cannot without unable refuse refuses refused deny denies denied
    fail fails failed lack lacks lacking impossible hardly"""
)
# What limits a statement: a sentence with another one of these may say something else.
LIMITS = _set(
    """must may might should shall can could will would only within after before until since despite but except unless
    if all some any every each most more less than up down left right off out over under about just same"""
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
