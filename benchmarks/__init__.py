"""How fast a night is, as ratios within one run on a library of any size."""
