"""Is this Koha what the program and the settings take it for? Every answer is a finding."""
