"""What is shown: values in, plain values out, drawn on a terminal, as JSON or as CSV."""
