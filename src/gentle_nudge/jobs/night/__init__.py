"""A night of one library: decided in a transaction that cannot write, applied in one that locks."""
