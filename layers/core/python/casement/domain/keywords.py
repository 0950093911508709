"""Whether what a customer wrote holds one of an owner's words, as a speaker of the language would see it.

Case, width, punctuation and emoji's skins never count. An accent counts where the language holds the accented letter
to be a letter of its own: to a Spaniard `ñ` is not `n`, but `á` is `a`. Which do: the alphabets of the Unicode CLDR's
collations (https://github.com/unicode-org/cldr/tree/main/common/collation). German spells `ü` as `ue` too, and Turkish
keyboards, capitals and phones mix up the four letters i. Where words are not parted by spaces, a word may stand
anywhere.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from casement.domain.languages import base_of


class Match(StrEnum):
    """Where a word must stand in what was written."""

    WORD = "word"  # as a word, or words in a row, anywhere
    EXACT = "exact"  # and nothing else
    STARTS = "starts"  # at its beginning
    CONTAINS = "contains"  # anywhere, in the middle of words too


@dataclass(frozen=True, slots=True)
class Keyword:
    """`words` by language; an empty language is any: accents count in none."""

    words: tuple[tuple[str, str], ...]
    match: Match = Match.WORD


_LETTERS_OF_THEIR_OWN = {
    "az": "çğöşü",
    "cs": "čřšž",
    "da": "å",
    "es": "ñ",
    "et": "äõöüšž",
    "fi": "åäö",
    "gl": "ñ",
    "hr": "čćšž",
    "hu": "öőüű",
    "is": "áéíóúýö",
    "lt": "čšž",
    "lv": "čģķļņšž",
    "nb": "å",
    "nn": "å",
    "no": "å",
    "pl": "ąćęńóśźż",
    "ro": "ăâîșț",
    "sk": "äčôšž",
    "sl": "čšž",
    "sq": "çë",
    "sv": "åäö",
    "tr": "çğöşü",
    "vi": "ăâêôơư",
}
_ATOMIC = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ħ": "h", "\u0131": "i", "ŧ": "t", "þ": "th", "ð": "d"}
_LETTERS_ATOMIC = {"da": "æø", "nb": "æø", "nn": "æø", "no": "æø", "is": "æðþ", "pl": "ł", "hr": "đ", "vi": "đ"}
_GERMAN = {"ä": "ae", "ö": "oe", "ü": "ue"}
_EITHER_WAY = {  # by keyboard and by habit
    "ى": "ي",
    "ة": "\u0647",
    "ک": "ك",
    "ی": "ي",
    "ـ": "",
    "ё": "\u0435",
}
_ACCENTED = re.compile("[a-z\u0370-\u03ff\u0600-\u06ff]")  # Latin, Greek, Arabic
# Accents by themselves, a keycap's frame and what makes a sign an emoji; Hebrew's and Arabic's vowels, which most leave
# out; Hindi's dot, which many do. Other scripts' marks are vowels and tones: without them a word is another one.
_SILENT_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u093c\u20e3\ufe0e\ufe0f]")
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)  # Thai, Lao, Burmese, Khmer, kana, Han
_HANGUL = re.compile("[\uac00-\ud7a3]")  # has spaces, but joins its particles to words
_LONGEST = 4096  # of a text; Meta's own limit


def said(keyword: Keyword, text: str) -> bool:
    """Whether `text` holds one of the words."""
    return any(_holds(text[:_LONGEST], word, language, keyword.match) for language, word in keyword.words)


def is_sayable(word: str) -> bool:
    """Whether anything of a word is left that can be looked for."""
    return bool(folded(word, ""))


def _holds(text: str, word: str, language: str, match: Match) -> bool:
    return any(
        _stands(spelt_word, spelt, match)
        for spelt_word, spelt in zip(
            _spellings(word, language, _of_owners), _spellings(text, language, _of_customers), strict=True
        )
        if spelt_word
    )


def _stands(word: str, text: str, match: Match) -> bool:
    if match is Match.EXACT:
        return word == text
    if match is Match.CONTAINS:
        return word in text
    apart, spaced = _apart(word), f" {text} "
    return apart in spaced if match is Match.WORD else spaced.startswith(f" {apart.removeprefix(' ')}")


def _apart(word: str) -> str:
    """A word with the spaces that part it from others, where its script has them."""
    begins = "" if _WITHOUT_SPACES.match(word[0]) else " "
    ends = "" if _WITHOUT_SPACES.match(word[-1]) or _HANGUL.match(word[-1]) else " "
    return begins + word + ends


def _spellings(text: str, language: str, fold: Callable[[str, str], str]) -> Iterable[str]:
    """The ways to spell a text in a language; always as many of one language, so that each meets its like."""
    if base_of(language) == "de":
        return fold(text, "de"), fold(text, "")
    return (fold(text, language),)


def folded(text: str, language: str) -> str:
    """What of a text counts in a language: words parted by one space. An empty language folds the most."""
    base = base_of(language)
    own = _LETTERS_OF_THEIR_OWN.get(base, "") + _LETTERS_ATOMIC.get(base, "")
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    parts = [_letter(each, own, base) for each in plain]
    return " ".join("".join(parts).split())


def _letter(letter: str, own: str, base: str) -> str:
    if letter in own:
        return letter
    if base == "de" and letter in _GERMAN:
        return _GERMAN[letter]
    if letter in _ATOMIC:
        return _ATOMIC[letter]
    if letter in _EITHER_WAY:
        return _EITHER_WAY[letter]
    category = unicodedata.category(letter)
    if category[0] == "N":
        return str(unicodedata.digit(letter, letter))
    if category[0] == "L":
        return _without_accent(letter, own)
    if category[0] == "M":
        return "" if _SILENT_MARKS.match(letter) else letter
    if category == "So":  # an emoji is a word
        return f" {letter} "
    return "" if category == "Cf" else " "  # what only joins or hyphenates is within a word


def _without_accent(letter: str, own: str) -> str:
    """A letter as far as the language tells it from others: `ấ` is `â` to a Vietnamese, `a` to a Spaniard."""
    apart = unicodedata.normalize("NFD", letter)
    bare, marks = apart[0], apart[1:]
    if not _ACCENTED.match(bare):
        return letter
    for mark in marks:
        accented = unicodedata.normalize("NFC", bare + mark)
        bare = accented if accented in own else bare
    return bare


# Of owners' words all are remembered, as many as two numbers may have in two spellings; of what customers write only
# what is looked at now, in some languages: it can be long, and is nobody else's business.
_of_owners = lru_cache(maxsize=40_000)(folded)
_of_customers = lru_cache(maxsize=16)(folded)
