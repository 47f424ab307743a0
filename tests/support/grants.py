"""The GRANT file of the documentation, applied part by part to a user of a real server."""

import re
from pathlib import Path

from tests.support.koha import KohaDatabase

GRANTS = Path(__file__).parents[2] / "docs" / "how-to" / "grants.sql"
PASSWORD = "a password"
READING = (1, 2)
ALL_PARTS = (1, 2, 3, 4)


def parts() -> dict[int, list[str]]:
    """The statements under each numbered heading."""
    found: dict[int, list[str]] = {}
    for number, body in re.findall(r"(?ms)^-- (\d)\. (.*?)(?=^-- \d\. |\Z)", GRANTS.read_text(encoding="utf-8")):
        code = re.sub(r"(?m)^--.*$", "", f"-- {body}")
        found[int(number)] = [" ".join(statement.split()) for statement in code.split(";") if statement.strip()]
    return found


def apply_grants(koha: KohaDatabase, *numbers: int) -> None:
    """A user has the rights of these parts in this database, and no others."""
    forget(koha)
    known = parts()
    for number in numbers:
        for statement in known[number]:
            koha.execute(_here(statement, koha))


def forget(koha: KohaDatabase) -> None:
    """The user is unknown again."""
    koha.execute(f"DROP USER IF EXISTS '{user_of(koha)}'@'%'")


def user_of(koha: KohaDatabase) -> str:
    """The user's name: each database has one of its own."""
    return f"u_{koha.name}"


def url_of_user(koha: KohaDatabase) -> str:
    """Where the database is for that user, without the password."""
    url = koha.server.url(koha.name)._replace(username=user_of(koha), password=None)  # `set` would keep the password
    return url.render_as_string(hide_password=False)


def _here(statement: str, koha: KohaDatabase) -> str:
    return (
        statement.replace("koha_LIB", f"`{koha.name}`")
        .replace("'gentle_nudge'@'localhost'", f"'{user_of(koha)}'@'%'")
        .replace("THE-PASSWORD", PASSWORD)
    )
