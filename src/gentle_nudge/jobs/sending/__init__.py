"""Reports on their way to the recipients: queued, delivered, resent."""
