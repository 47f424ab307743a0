"""Our tables, and the way from the Perl plugin."""
