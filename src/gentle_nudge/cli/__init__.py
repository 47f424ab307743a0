"""The commands, a few lines each."""

import click


@click.group()
def main() -> None:
    """Refer patrons to a collection agency, and take them back when they have paid."""
