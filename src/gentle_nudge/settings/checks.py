"""What must hold between keys: each rule a function that yields its problems; none needs a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gentle_nudge.domain.collections.policy import GLOBAL
from gentle_nudge.settings.keys import MailTable, SftpTable, Tables
from gentle_nudge.settings.places import this_machine
from gentle_nudge.settings.policy_keys import LibraryTable, PolicyTable
from gentle_nudge.settings.problems import Loc, Problem

Rule = Callable[[Tables], Iterator[Problem]]
SFTP_NEEDS = {
    "host": "the name of the SFTP server is needed",
    "user": "the login name at the SFTP server is needed",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """The policy of one section as it comes out, and which keys the section gives itself."""

    loc: Loc
    name: str
    table: PolicyTable
    own: frozenset[str]
    enabled: bool = True

    def where(self, *keys: str) -> tuple[Loc, ...]:
        """The places of these keys: the section's own first, those of [policy] otherwise."""
        own = sorted(keys, key=lambda key: key not in self.own)
        return tuple((*self.loc, key) if key in self.own else ("policy", key) for key in own)


def shares(tables: Tables) -> tuple[Share, ...]:
    """`[policy]` itself, then every [[library]] with what it inherits."""
    policy = tables.policy
    first = Share(loc=("policy",), name=GLOBAL, table=policy, own=frozenset(PolicyTable.model_fields))
    return (first, *(_share(number, library, policy) for number, library in enumerate(tables.library)))


def _share(number: int, library: LibraryTable, policy: PolicyTable) -> Share:
    own = frozenset(PolicyTable.model_fields) & library.model_fields_set
    table = policy.model_copy(update={key: getattr(library, key) for key in own})
    return Share(loc=("library", number), name=library.name, table=table, own=own, enabled=library.enabled)


def sections(tables: Tables) -> tuple[Share, ...]:
    """The shares that are sections: `[policy]` itself only while it holds for other branches."""
    return shares(tables) if tables.libraries.others else shares(tables)[1:]


def check(tables: Tables) -> tuple[Problem, ...]:
    """Every problem between keys, each once."""
    return tuple(dict.fromkeys(problem for rule in RULES for problem in rule(tables)))


def _clears_below_the_threshold(tables: Tables) -> Iterator[Problem]:
    for share in shares(tables):
        threshold = share.table.threshold
        if threshold is not None and share.table.clear_at_or_below >= threshold:
            yield Problem(
                about=share.where("clear_at_or_below", "threshold"),
                sentence="clear_at_or_below has to be less than threshold, or patrons would be released and referred "
                "again",
            )


def _exemption_is_another_field(tables: Tables) -> Iterator[Problem]:
    for share in shares(tables):
        if share.table.exemption and str(share.table.exemption).casefold() == str(share.table.flag).casefold():
            yield Problem(
                about=share.where("exemption", "flag"), sentence="exemption and flag have to be different fields"
            )


def _one_list_of_debit_types(tables: Tables) -> Iterator[Problem]:
    for share in shares(tables):
        if share.table.debit_types and share.table.excluded_debit_types:
            yield Problem(
                about=share.where("excluded_debit_types", "debit_types"),
                sentence="give debit_types or excluded_debit_types, not both",
            )


def _every_section_has_a_name(tables: Tables) -> Iterator[Problem]:
    for number, library in enumerate(tables.library):
        if not library.name:
            yield Problem(about=(("library", number, "name"),), sentence="a section needs a name")


def _names_are_unique(tables: Tables) -> Iterator[Problem]:
    taken: set[str] = set()
    names = [(("library", number, "name"), library.name) for number, library in enumerate(tables.library)]
    earlier = [
        (("library", number, "formerly"), name)
        for number, library in enumerate(tables.library)
        for name in library.formerly
    ]
    for loc, name in (*names, *earlier):
        if name and name.casefold() in taken:
            yield Problem(about=(loc,), sentence=f"the name {name} is taken: names differ not by letter case alone")
        taken.add(name.casefold())


def _branches_or_group(tables: Tables) -> Iterator[Problem]:
    for number, library in enumerate(tables.library):
        loc: Loc = ("library", number)
        if bool(library.branches) == bool(library.group):
            both = ((*loc, "branches"), (*loc, "group"))
            yield Problem(about=both, sentence="a section has branches or a group, one of the two")


def _a_branch_has_one_section(tables: Tables) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for number, library in enumerate(tables.library):
        for branch in sorted(library.branches):
            owner = owners.setdefault(branch.casefold(), library.name)
            if owner != library.name:
                yield Problem(
                    about=(("library", number, "branches"),), sentence=f"branch {branch} belongs to section {owner}"
                )


def _shared_patrons_have_a_flag_for_each_section(tables: Tables) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for share in sections(tables) if tables.libraries.charges_by != "patron" else ():
        if share.enabled and share.table.flag:
            owner = owners.setdefault(str(share.table.flag).casefold(), share.name)
            if owner != share.name:
                yield Problem(
                    about=share.where("flag"),
                    sentence=f"sections {owner} and {share.name} have one flag field; with charges_by = "
                    f'"{tables.libraries.charges_by}" a patron can be in both, so each needs a field of its own',
                )


def _mail_is_not_read_on_its_way(tables: Tables) -> Iterator[Problem]:
    mail = tables.mail
    if not mail.names_a_server or mail.maildir or mail.security != "none" or mail.allow_cleartext:
        return
    if not this_machine(mail.host):
        yield Problem(
            about=(("mail", "security"),),
            sentence='the reports would travel to another machine unencrypted; write "starttls" or "tls", or '
            "allow_cleartext = true",
        )


def _mail_login_is_whole(tables: Tables) -> Iterator[Problem]:
    mail: MailTable = tables.mail
    has_password = bool(mail.password or mail.password_file)
    if mail.user and not has_password:
        yield Problem(about=(("mail", "password_file"), ("mail", "password")), sentence="user needs a password")
    if has_password and not mail.user:
        yield Problem(about=(("mail", "user"),), sentence="a password needs a user")


def _sftp_is_whole(tables: Tables) -> Iterator[Problem]:
    sftp: SftpTable | None = tables.sftp
    if sftp is None:
        return
    for key, sentence in SFTP_NEEDS.items():
        if getattr(sftp, key) is None:
            yield Problem(about=(("sftp", key),), sentence=sentence)
    if bool(sftp.known_hosts) == bool(sftp.host_key):
        yield Problem(
            about=(("sftp", "known_hosts"), ("sftp", "host_key")),
            sentence="the server's public key is needed, so that reports reach no impostor: known_hosts or host_key, "
            "one of the two",
        )
    if bool(sftp.password or sftp.password_file) == bool(sftp.key_file):
        yield Problem(
            about=(("sftp", "password_file"), ("sftp", "key_file"), ("sftp", "password")),
            sentence="a way to log in is needed: password_file or key_file, one of the two",
        )


RULES: tuple[Rule, ...] = (
    _clears_below_the_threshold,
    _exemption_is_another_field,
    _one_list_of_debit_types,
    _every_section_has_a_name,
    _names_are_unique,
    _branches_or_group,
    _a_branch_has_one_section,
    _shared_patrons_have_a_flag_for_each_section,
    _mail_is_not_read_on_its_way,
    _mail_login_is_whole,
    _sftp_is_whole,
)
