"""What `check` asks of a Koha."""
