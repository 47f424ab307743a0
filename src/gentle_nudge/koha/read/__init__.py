"""Every SELECT on Koha's tables, a module for each table."""
