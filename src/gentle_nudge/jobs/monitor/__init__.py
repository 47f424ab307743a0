"""Monitoring of nights: alerts, figures, status, and retention."""
