"""Outcomes: Koha's offsets copied every night, and what has become of the cases."""
