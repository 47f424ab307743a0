"""Patrons of other libraries: what travels, what an answer says, and what follows from it."""
