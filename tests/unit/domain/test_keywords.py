"""Whether a word was said, as a speaker of its language would see it."""

# ruff: noqa: RUF001 - letters that look alike are what this is about

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casement.domain.keywords import Keyword, Match, folded, is_sayable, said


def was_said(language: str, word: str, text: str, match: Match = Match.WORD) -> bool:
    return said(Keyword(((language, word),), match), text)


SAID = [
    ("en", "price", "What is the PRICE?"),
    ("en", "opening hours", "your opening\n hours, please"),
    ("en", "don't", "I don\u2019t know"),
    ("en", "résumé", "my resume"),
    ("en", "price", "\uff30\uff32\uff29\uff23\uff25"),  # full width
    ("en", "1", "1\ufe0f\u20e3"),  # a keycap
    ("en", "3", "\u0663"),  # three, as Arabic writes it
    ("en", "\U0001f44d", "ok \U0001f44d\U0001f3fd!"),  # a thumb, and one with a skin
    ("en", "\u2764\ufe0f", "we\u2764you"),
    ("", "año", "ano"),
    ("", "ano", "AÑO"),
    ("", "über", "uber"),
    ("", "smørrebrød", "smorrebrod"),
    ("es", "cancelación", "CANCELACION ya"),
    ("es", "¿cuánto?", "Cuanto cuesta"),
    ("pt_BR", "preço", "qual o preco"),
    ("fr", "œuvre", "une OEUVRE"),
    ("fr", "élève", "eleve"),
    ("de", "straße", "In welcher STRASSE?"),
    ("de", "grüße", "Gruesse"),
    ("de", "grüße", "GRUSSE"),
    ("de", "gruesse", "Grüße"),
    ("de", "öffnungszeiten", "Offnungszeiten?"),
    ("de_AT", "übergabe", "UEBERGABE"),
    ("tr", "iptal", "İPTAL"),
    ("tr", "iptal", "IPTAL"),
    ("tr", "ışık", "IŞIK"),
    ("tr", "fiyat", "fıyat"),
    ("az", "qiymət", "QIYMƏT"),
    ("sv", "får", "FÅR"),
    ("vi", "giá", "gia"),  # a tone
    ("vi", "cấp", "CÂP"),
    ("pl", "żółw", "ŻÓŁW"),
    ("el", "τιμές", "ΤΙΜΕΣ"),
    ("ru", "ещё", "ЕЩЕ"),
    ("ar", "الغاء", "إلغاءٌ"),
    ("ar", "خدمة", "خدمه"),
    ("ar", "سعر", "ســعر"),
    ("fa", "کتاب", "كتاب"),
    ("fa", "میخواهم", "می\u200cخواهم"),
    ("en", "cooperate", "co\u00adoperate"),
    ("he", "שלום", "שָׁלוֹם"),
    ("hi", "बंद", "दुकान बंद है"),
    ("hi", "फ़ोन", "फोन"),  # the dot that many leave out
    ("ja", "予約", "明日予約したいです"),
    ("zh", "价格", "请问价格是多少"),
    ("th", "จอง", "อยากจองโต๊ะ"),
    ("ko", "취소", "예약 취소해주세요"),
    ("ja", "ok", "予約 OK です"),
    ("ja", "日a", "明日A です"),
    ("ja", "a日", "A日本"),
    ("ko", "a취", "A취소"),
]
NOT_SAID = [
    ("en", "price", "priceless"),
    ("en", "price", "enterprice"),
    ("en", "price list", "price of the list"),
    ("en", "cap", "capital"),
    ("es", "año", "ano"),
    ("", "über", "ueber"),
    ("fr", "über", "ueber"),
    ("es_MX", "ano", "año"),
    ("sv", "får", "far"),
    ("fi", "väli", "vali"),
    ("da", "år", "ar"),
    ("da", "øre", "ore"),
    ("tr", "ön", "on"),
    ("pl", "sąd", "sad"),
    ("pl", "łaska", "laska"),
    ("vi", "mâm", "mam"),
    ("vi", "cấp", "cap"),
    ("hu", "kor", "kör"),
    ("ru", "кои", "кой"),
    ("ja", "か", "が"),
    ("hi", "कल", "कला"),  # a vowel is no accent
    ("th", "ปา", "ป้า"),  # nor is a tone
    ("ko", "취소", "예약취소"),
    ("en", "x", ""),
]


@pytest.mark.parametrize(("language", "word", "text"), SAID)
def test_it_was_said(language: str, word: str, text: str) -> None:
    assert was_said(language, word, text)


@pytest.mark.parametrize(("language", "word", "text"), NOT_SAID)
def test_it_was_not_said(language: str, word: str, text: str) -> None:
    assert not was_said(language, word, text)


@pytest.mark.parametrize(
    ("match", "text", "is_so"),
    [
        (Match.EXACT, "  Stop it! ", True),
        (Match.EXACT, "Stop it now", False),
        (Match.STARTS, "stop it now", True),
        (Match.STARTS, "please stop it", False),
        (Match.STARTS, "stop items", False),
        (Match.WORD, "please stop it now", True),
        (Match.WORD, "stop items", False),
        (Match.CONTAINS, "nonstop items", True),
        (Match.CONTAINS, "stop, look", False),
    ],
)
def test_where_a_word_must_stand(match: Match, text: str, is_so: bool) -> None:
    assert was_said("en", "stop it", text, match) is is_so


def test_where_there_are_no_spaces_a_text_starts_with_a_word_all_the_same() -> None:
    assert was_said("ja", "予約", "予約したい", Match.STARTS)
    assert not was_said("ja", "予約", "明日予約したい", Match.STARTS)
    assert not was_said("ja", "予約", "予約したい", Match.EXACT)


def test_one_word_of_several_is_enough_each_in_its_own_language() -> None:
    words = Keyword((("es", "año"), ("en", "year")))

    assert said(words, "year")
    assert said(words, "AÑO")
    assert not said(words, "ano")


@pytest.mark.parametrize(
    ("word", "is_so"), [("ok", True), ("1", True), ("\U0001f44d", True), ("?!", False), (" ", False)]
)
def test_what_can_be_looked_for(word: str, is_so: bool) -> None:
    assert is_sayable(word) is is_so


LANGUAGES = st.sampled_from(["", "de", "es", "tr", "ja", "ar", "vi", "pl"])


@given(st.text(), LANGUAGES)
def test_folding_again_changes_nothing_and_nothing_makes_it_raise(text: str, language: str) -> None:
    once = folded(text, language)

    assert folded(once, language) == once
    assert once == once.strip()


@given(st.text(alphabet="aäåñöüßiIİıçø éÉ.!", min_size=1), LANGUAGES, st.sampled_from(list(Match)))
def test_every_word_is_said_by_itself_and_in_capitals(word: str, language: str, match: Match) -> None:
    if is_sayable(word):
        assert was_said(language, word, word, match)
        assert was_said(language, word, word.upper(), match)


# --- what it costs: a customer may write whatever they like ----------------------------------------------------------


def test_no_text_takes_long_whatever_is_looked_for() -> None:
    words = Keyword(tuple(("en", "a" * (index % 40 + 1)) for index in range(800)))
    began = time.process_time()

    assert not said(words, "a" * 4_096)
    assert time.process_time() - began < 1  # a hundredth of it; four seconds where each place is looked at by itself


def test_what_customers_write_is_not_remembered() -> None:
    word = Keyword((("en", "price"),))
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for index in range(200):
        said(word, f"{index} " + "\U0001f44d" * 1_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert after - before < 1_000_000
