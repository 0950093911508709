"""When a business opens next, in words that end a sentence: "on Monday at 9:00 AM", "el lunes a las 09:00".

In the languages of the starter templates; in others it is said in English.
"""

from datetime import datetime
from typing import NamedTuple

from casement.domain.languages import base_of


class _Words(NamedTuple):
    """How a language says it. `{day}` is a weekday as it stands after its preposition, `{time}` the time."""

    today: str
    tomorrow: str
    weekday: str
    date: str  # `{number}` and `{month}` besides
    days: tuple[str, ...]  # Monday first
    months: tuple[str, ...]
    time: str = "%H:%M"


_WORDS = {
    "en": _Words(
        "today at {time}",
        "tomorrow at {time}",
        "on {day} at {time}",
        "on {day}, {month} {number}, at {time}",
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        (
            *("January", "February", "March", "April", "May", "June"),
            *("July", "August", "September", "October", "November", "December"),
        ),
        "%I:%M %p",
    ),
    "es": _Words(
        "hoy a las {time}",
        "mañana a las {time}",
        "el {day} a las {time}",
        "el {day} {number} de {month} a las {time}",
        ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
        (
            *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
            *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
        ),
    ),
    "pt": _Words(
        "hoje às {time}",
        "amanhã às {time}",
        "{day} às {time}",
        "{day}, {number} de {month}, às {time}",
        (
            *("na segunda-feira", "na terça-feira", "na quarta-feira", "na quinta-feira", "na sexta-feira"),
            *("no sábado", "no domingo"),
        ),
        (
            *("janeiro", "fevereiro", "março", "abril", "maio", "junho"),
            *("julho", "agosto", "setembro", "outubro", "novembro", "dezembro"),
        ),
    ),
    "fr": _Words(
        "aujourd'hui à {time}",
        "demain à {time}",
        "{day} à {time}",
        "le {day} {number} {month} à {time}",
        ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
        (
            *("janvier", "février", "mars", "avril", "mai", "juin"),
            *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
        ),
    ),
    "de": _Words(
        "heute um {time} Uhr",
        "morgen um {time} Uhr",
        "am {day} um {time} Uhr",
        "am {day}, {number}. {month}, um {time} Uhr",
        ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
        (
            *("Januar", "Februar", "März", "April", "Mai", "Juni"),
            *("Juli", "August", "September", "Oktober", "November", "Dezember"),
        ),
    ),
    "id": _Words(
        "hari ini pukul {time}",
        "besok pukul {time}",
        "hari {day} pukul {time}",
        "hari {day}, {number} {month}, pukul {time}",
        ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
        (
            *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
            *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
        ),
        "%H.%M",
    ),
    "ar": _Words(
        "اليوم الساعة {time}",
        "غدًا الساعة {time}",
        "يوم {day} الساعة {time}",
        "يوم {day} {number} {month} الساعة {time}",
        ("الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"),
        (
            *("يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو"),
            *("يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"),
        ),
    ),
    "hi": _Words(
        "आज {time} बजे",
        "कल {time} बजे",
        "{day} को {time} बजे",
        "{day}, {number} {month} को {time} बजे",
        ("सोमवार", "मंगलवार", "बुधवार", "गुरुवार", "शुक्रवार", "शनिवार", "रविवार"),
        (
            *("जनवरी", "फ़रवरी", "मार्च", "अप्रैल", "मई", "जून"),
            *("जुलाई", "अगस्त", "सितंबर", "अक्टूबर", "नवंबर", "दिसंबर"),
        ),
    ),
}
LANGUAGES = tuple(_WORDS)
_A_WEEK = 7  # days: from then on a weekday alone would be taken for the next one of its name


def opening_in_words(opens: datetime, now: datetime, language: str | None) -> str:
    """When it opens, said at `now`; both as the clock on the business's wall shows them."""
    words = _WORDS.get(base_of(language or ""), _WORDS["en"])
    days = (opens.date() - now.date()).days
    if days == 0:
        form = words.today
    elif days == 1:
        form = words.tomorrow
    else:
        form = words.weekday if days < _A_WEEK else words.date
    return form.format(
        day=words.days[opens.weekday()],
        number=opens.day,
        month=words.months[opens.month - 1],
        time=opens.strftime(words.time).removeprefix("0") if "%p" in words.time else opens.strftime(words.time),
    )
