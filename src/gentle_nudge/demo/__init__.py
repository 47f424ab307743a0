"""A sample library: invented patrons, three Sunday nights made by the product itself, nothing outside one folder."""
