"""The use cases; each reads as one page."""
