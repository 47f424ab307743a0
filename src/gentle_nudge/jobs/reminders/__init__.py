"""Reminders before collections: a run, what became of it, and what staff ask and stop."""
