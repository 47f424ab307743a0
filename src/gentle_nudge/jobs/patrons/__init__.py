"""Patrons and our records of them: read, locked and judged again; and decisions carried out."""
