"""Refers patrons to a recovery agency by the library's rules, from Koha's database, every night."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - pip asks before it installs, but nobody asks before a copied folder runs
    sys.stderr.write("gentle-nudge needs Python 3.11 or newer, and this is {}.{}.\n".format(*sys.version_info))
    sys.exit(2)
