"""From the stored report to its recipients: queued, delivered, resent."""
