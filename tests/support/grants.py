"""The SQL of `gentle-nudge grants`, run for a user of a real server."""

import re

from tests.acceptance.libraries import Library
from tests.support.koha import KohaDatabase

PASSWORD = "a pass'word"


def printed(library: Library, *options: str) -> str:
    """What the command prints for the database's own user."""
    done = library.run("grants", "--user", f"{user_of(library.koha)}@%", *options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def apply_grants(library: Library, *options: str) -> None:
    """The user has the rights that the command prints for these settings, and no others."""
    forget(library.koha)
    execute(library.koha, printed(library, *options))
    unlock(library.koha)


def execute(koha: KohaDatabase, sql: str) -> None:
    """The statements have been run by an administrator."""
    for statement in statements(sql):
        koha.execute(statement.replace(":", "\\:"))


def statements(sql: str) -> list[str]:
    """The statements without comments."""
    code = re.sub(r"(?m)^--.*$", "", sql)
    return [" ".join(statement.split()) for statement in code.split(";\n") if statement.strip()]


def unlock(koha: KohaDatabase) -> None:
    """The user may log in with the password."""
    koha.execute(f"ALTER USER '{user_of(koha)}'@'%' IDENTIFIED BY :password ACCOUNT UNLOCK", password=PASSWORD)


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
