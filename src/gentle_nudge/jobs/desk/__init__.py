"""Questions of staff, and their decisions about patrons."""
