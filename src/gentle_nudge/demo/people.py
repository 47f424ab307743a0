"""The sample library's ordinary patrons: names from many languages, invented addresses, nothing left to chance."""

# ruff: noqa: RUF001 - names stand here as their owners write them

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

NAMES: dict[str, tuple[str, str]] = {
    "English": ("Ashworth Bramley Carver Dunmore Ellery Farrow Garland Haddon", "Alice Ben Clara Daniel Edith Frank"),
    "Spanish": ("Álvarez Ibáñez Núñez Peña Quiñones Rincón Sáenz", "Begoña Inés Íñigo Joaquín Marisol Ramón"),
    "French": ("Béranger Châtelain D'Aubigny Faÿ L'Hôte Lefèvre", "Aurélie Benoît Chloé Gaël Héloïse Zoé"),
    "German": ("Größ Jäger Köhler Müßig Schröder Wünsch", "Björn Grete Jörg Käthe Sönke"),
    "Polish": ("Dąbrowski Kłos Łuczak Świątek Źrebiec Żuk", "Agnieszka Bożena Łukasz Michał Zdzisław"),
    "Vietnamese": ("Bùi Đặng Hoàng Nguyễn Phạm Trần", "Ánh Bảo Đức Hương Thảo"),
    "Arabic": ("الحداد الخطيب النجار حسن منصور", "سلمى عمر ليلى يوسف"),
    "Russian": ("Белов Воронцова Ершов Жукова Щербаков", "Анна Борис Вера Юрий"),
    "Greek": ("Αγγέλου Βασιλείου Καρράς Παππάς", "Ελένη Νίκος Σοφία"),
    "Hebrew": ("אברהם ברק לוי שפירא", "דוד מרים נועה"),
    "Chinese": ("陳 黃 李 林 趙", "美玲 志強 雅婷 家豪"),
    "Japanese": ("小林 斎藤 高橋 渡辺", "健太 さくら 陽子"),
    "Korean": ("김 박 이 최", "민준 서연 지우"),
    "Hawaiian": ("Ka'ahumanu Kealoha Nāone", "Keoni Leilani Mele"),
    "Tamil": ("குமார் செல்வன் முருகன்", "கமலா ராஜா"),
    "Icelandic": ("Guðmundsdóttir Þórsson Ægisdóttir", "Ásta Sigurður Þóra"),
}
STREETS = ("Fern Lane", "Mill Road", "Station Street", "Old Quarry Way", "Harbour View", "Lindenallee", "Rue du Four")
BRANCHES = ("MAIN", "EAST", "BUS")
FIRST_CARD = 24_000_001


def names() -> Iterator[tuple[str, str]]:
    """Surnames and first names, a language at a time; every third round the first names have moved on."""
    lists = [(surnames.split(), firstnames.split()) for surnames, firstnames in NAMES.values()]
    for turn in count():
        for surnames, firstnames in lists:
            yield surnames[turn % len(surnames)], firstnames[(turn + turn // len(surnames)) % len(firstnames)]


def contacts(number: int) -> dict[str, str]:
    """The home, branch and card of the patron with this number, by column; nobody has such a telephone or e-mail."""
    return {
        "cardnumber": str(FIRST_CARD + number),
        "branchcode": BRANCHES[0] if number % 3 else BRANCHES[1 + number % 2],
        "address": f"{number * 7 % 180 + 1} {STREETS[number % len(STREETS)]}",
        "city": "Fernwood",
        "zipcode": f"{1100 + number % 9:05d}",
        "state": "MA",
        "phone": f"555-{100 + number % 100:04d}",
        "email": f"patron{number}@example.org",
    }
