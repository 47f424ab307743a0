"""The road of a loan: Koha's configuration read in one transaction, and what the rules make of it."""
