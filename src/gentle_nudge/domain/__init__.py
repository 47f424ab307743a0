"""The library's rules as pure functions over frozen values: no clock, no I/O, no SQL."""
