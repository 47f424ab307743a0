"""Outcomes: what has become of the cases, to the cent."""
