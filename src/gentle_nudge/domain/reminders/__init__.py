"""Reminders before collections: who is reminded of which debt, when, and in what words."""
