"""What staff ask, and what they decide about one patron."""
