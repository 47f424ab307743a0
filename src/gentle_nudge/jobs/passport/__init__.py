"""The passport of patrons: look up, copy, refresh, find duplicates, check."""
