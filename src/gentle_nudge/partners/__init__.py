"""Other libraries' Kohas: asked over HTTPS for one patron at a time."""
