"""The road of a loan: what Koha's settings make of it day by day, and which of them contradict each other."""
