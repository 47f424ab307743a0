"""Our own tables, in the same database as Koha's."""
