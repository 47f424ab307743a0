"""Collections: who is referred, what becomes of a case, what a night intends."""
