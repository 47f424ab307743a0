"""Every text that leaves the program: templates, and the one environment that renders them."""
