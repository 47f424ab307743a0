"""What watches the nights: alerts, figures, status, and how long things are kept."""
