"""The only room that knows Koha's tables."""
