"""The way into a Koha: its configuration, its database, its zone."""
