"""Refers patrons to a recovery agency by the library's rules, from Koha's database, every night."""
