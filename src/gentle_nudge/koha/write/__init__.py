"""Every change of Koha's tables, a module for each action."""
