"""Rules between keys: each a function that yields problems; none needs a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from urllib.parse import urlsplit

from gentle_nudge.domain.setting import is_example
from gentle_nudge.settings.keys import TABLES, SectionKeys
from gentle_nudge.settings.parsing import Loc, Problem, keys_of
from gentle_nudge.settings.section_policies import Tables, contradictions


def check(tables: Tables) -> tuple[Problem, ...]:
    """Every problem between keys, each once."""
    return tuple(dict.fromkeys(problem for rule in RULES for problem in rule(tables)))


def _keys_of_a_policy_fit(tables: Tables) -> Iterator[Problem]:
    for draft in tables.sections:
        for keys, sentence in contradictions(draft.policy).items():
            yield Problem(about=draft.places(*keys), sentence=sentence)


def _names_are_unique(tables: Tables) -> Iterator[Problem]:
    names = [(number, "name", keys.name) for number, keys in enumerate(tables.section_keys)]
    names += [(number, "formerly", name) for number, keys in enumerate(tables.section_keys) for name in keys.formerly]
    taken: set[str] = set()
    for number, key, name in names:
        if name and name.casefold() in taken:
            yield Problem.at(
                ("library", number, key),
                f"the name {name} is taken: names of sections have to differ in more than letter case",
            )
        taken.add(name.casefold())


def _a_branch_has_one_section(tables: Tables) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for number, keys in enumerate(tables.section_keys):
        branches, group = ("library", number, "branches"), ("library", number, "group")
        if bool(keys.branches) == bool(keys.group):
            yield Problem(about=(branches, group), sentence="a section has branches or a group, one of the two")
        for branch in sorted(keys.branches):
            owner = owners.setdefault(branch.casefold(), keys.name)
            if owner != keys.name:
                yield Problem.at(branches, f"branch {branch} belongs to section {owner}")


def _shared_patrons_have_a_flag_for_each_section(tables: Tables) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    charges_by = tables.libraries.charges_by
    for draft in tables.drafts if charges_by != "patron" else ():
        if draft.keys.enabled and "flag" not in draft.missing:
            owner = owners.setdefault(str(draft.policy.flag).casefold(), draft.keys.name)
            if owner != draft.keys.name:
                yield Problem(
                    about=draft.places("flag"),
                    sentence=f"sections {owner} and {draft.keys.name} have one flag field; with charges_by = "
                    f'"{charges_by}" a patron can be in both, so each section needs a field of its own',
                )


def _a_database_is_named(tables: Tables) -> Iterator[Problem]:
    if tables.koha.url is None and tables.koha.conf is None:
        sentence = "needed: the path of the library's koha-conf.xml, unless KOHA_CONF is set (koha-shell sets it)"
        yield Problem(about=(("koha", "conf"), ("koha", "url")), sentence=sentence)


def _mail_is_whole(tables: Tables) -> Iterator[Problem]:
    mail = tables.mail
    if mail.names_a_server and mail.goes_unencrypted and not mail.allow_cleartext and not mail.maildir:
        yield Problem.at(
            ("mail", "security"),
            'the reports would go to another machine unencrypted; write "starttls" or "tls", or allow_cleartext = true',
        )
    has_password = bool(mail.password or mail.password_file)
    if mail.user and not has_password:
        yield Problem(about=(("mail", "password_file"), ("mail", "password")), sentence="user needs a password")
    if has_password and not mail.user:
        yield Problem.at(("mail", "user"), "a password needs a user")


def _required_keys_are_given(tables: Tables) -> Iterator[Problem]:
    given = [((name,), table, getattr(tables, name)) for name, table in TABLES.items() if name != "policy"]
    libraries = [(("library", number), SectionKeys, keys) for number, keys in enumerate(tables.section_keys)]
    for loc, table, values in (*given, *libraries):
        for key, declared in keys_of(table).items():
            if values and declared.is_required and not getattr(values, key):
                yield Problem.at((*loc, key), declared.needed)


def _sftp_is_whole(tables: Tables) -> Iterator[Problem]:
    sftp = tables.sftp
    if sftp and sftp.known_hosts and sftp.host_key:
        sentence = "the server's public key is pinned in one place: give known_hosts or host_key, not both"
        yield Problem(about=(("sftp", "known_hosts"), ("sftp", "host_key")), sentence=sentence)
    if sftp and bool(sftp.password or sftp.password_file) == bool(sftp.key_file):
        sentence = "a way to log in is needed: password_file or key_file, one of the two"
        about = (("sftp", "password_file"), ("sftp", "key_file"), ("sftp", "password"))
        yield Problem(about=about, sentence=sentence)


def examples(tables: Tables) -> Iterator[Problem]:
    """A problem for each example in the place of an address or host to which something would be sent."""
    if not tables.mail.maildir:
        for draft in tables.sections:
            for key in ("send_to", "copy_to"):
                yield from _examples(draft.places(key)[0], getattr(draft.policy, key))
        yield from _examples(("outcomes", "send_to"), tables.outcomes.send_to)
        yield from _examples(("alerts", "to"), tables.alerts.to)
    if tables.sftp:
        yield from _examples(("sftp", "host"), [tables.sftp.host])
    if tables.monitoring.ping_url:
        yield from _examples(("monitoring", "ping_url"), [urlsplit(tables.monitoring.ping_url).hostname or ""])


def _examples(loc: Loc, given: Iterable[str]) -> Iterator[Problem]:
    for each in filter(is_example, given):
        yield Problem.at(loc, f"{each} is an example: nothing can be sent there")


RULES: tuple[Callable[[Tables], Iterator[Problem]], ...] = (
    _keys_of_a_policy_fit,
    _required_keys_are_given,
    _names_are_unique,
    _a_branch_has_one_section,
    _shared_patrons_have_a_flag_for_each_section,
    _mail_is_whole,
    _sftp_is_whole,
    _a_database_is_named,
)
