"""When a business opens next, in words."""

from datetime import datetime

import pytest

from casement.domain.opening_words import LANGUAGES, opening_in_words

WEDNESDAY = datetime(2026, 4, 1, 20)  # noqa: DTZ001 - the clock on the wall
AT = {
    "today": datetime(2026, 4, 1, 21, 30),  # noqa: DTZ001
    "tomorrow": datetime(2026, 4, 2, 9),  # noqa: DTZ001
    "weekday": datetime(2026, 4, 7, 9, 5),  # noqa: DTZ001
    "date": datetime(2026, 4, 8, 14),  # noqa: DTZ001
}


@pytest.mark.parametrize(
    ("language", "today", "tomorrow", "weekday", "date"),
    [
        ("en", "today at 9:30 PM", "tomorrow at 9:00 AM", "on Tuesday at 9:05 AM", "on Wednesday, April 8, at 2:00 PM"),
        ("es", "hoy a las 21:30", "mañana a las 09:00", "el martes a las 09:05", "el miércoles 8 de abril a las 14:00"),
        (
            "pt_BR",
            "hoje às 21:30",
            "amanhã às 09:00",
            "na terça-feira às 09:05",
            "na quarta-feira, 8 de abril, às 14:00",
        ),
        ("fr", "aujourd'hui à 21:30", "demain à 09:00", "mardi à 09:05", "le mercredi 8 avril à 14:00"),
        (
            "de",
            "heute um 21:30 Uhr",
            "morgen um 09:00 Uhr",
            "am Dienstag um 09:05 Uhr",
            "am Mittwoch, 8. April, um 14:00 Uhr",
        ),
        (
            "id",
            "hari ini pukul 21.30",
            "besok pukul 09.00",
            "hari Selasa pukul 09.05",
            "hari Rabu, 8 April, pukul 14.00",
        ),
        (
            "ar",
            "اليوم الساعة 21:30",
            "غدًا الساعة 09:00",
            "يوم الثلاثاء الساعة 09:05",
            "يوم الأربعاء 8 أبريل الساعة 14:00",
        ),
        ("hi", "आज 21:30 बजे", "कल 09:00 बजे", "मंगलवार को 09:05 बजे", "बुधवार, 8 अप्रैल को 14:00 बजे"),
    ],
)
def test_it_is_said_in_every_language(language: str, today: str, tomorrow: str, weekday: str, date: str) -> None:
    said = [opening_in_words(AT[when], WEDNESDAY, language) for when in AT]

    assert said == [today, tomorrow, weekday, date]
    assert language[:2] in LANGUAGES


@pytest.mark.parametrize("language", [None, "", "xx", "en_GB"])
def test_in_other_languages_it_is_said_in_english(language: str | None) -> None:
    assert opening_in_words(AT["tomorrow"], WEDNESDAY, language) == "tomorrow at 9:00 AM"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_day_and_month_has_a_word(language: str) -> None:
    days = {opening_in_words(datetime(2026, 4, day, 9), WEDNESDAY, language) for day in range(2, 8)}  # noqa: DTZ001
    months = {opening_in_words(datetime(2027, month, 1, 9), WEDNESDAY, language) for month in range(1, 13)}  # noqa: DTZ001

    assert len(days) == 6
    assert len(months) == 12


def test_midnight_and_noon() -> None:
    assert opening_in_words(datetime(2026, 4, 2), WEDNESDAY, "en") == "tomorrow at 12:00 AM"  # noqa: DTZ001
    assert opening_in_words(datetime(2026, 4, 2, 12), WEDNESDAY, "en") == "tomorrow at 12:00 PM"  # noqa: DTZ001
