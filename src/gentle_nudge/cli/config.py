"""The commands about the configuration itself."""

from __future__ import annotations

import click

from gentle_nudge.cli import Invocation


@click.group()
def config() -> None:
    """Show, check or begin the configuration."""


@config.command()
@click.pass_obj
def show(invocation: Invocation) -> None:
    """Print every setting in force and where it comes from; never a password."""
    from gentle_nudge.settings.pages import effective

    click.echo(effective(invocation.settings("koha")), nl=False)


@config.command()
@click.pass_obj
def validate(invocation: Invocation) -> None:
    """Tell every problem with the settings at once; the database is not asked (see check)."""
    from gentle_nudge.errors import SettingsError
    from gentle_nudge.koha.instance import instance

    try:
        settings = invocation.settings("koha")
    except SettingsError:
        invocation.settings("policy")  # says the same and which keys are missing besides
        raise
    koha = instance(settings)
    click.echo(f"{settings.origins.file} is right; it leads to the database {koha.shown}, zone {koha.zone.key}.")
    if settings.lacks:
        click.echo("\n".join(["Before nightly and sync can run:", *settings.lacks]))


@config.command()
def example() -> None:
    """Print a configuration to begin with: every key, its meaning, its default."""
    from gentle_nudge.settings.pages import sample

    click.echo(sample(), nl=False)
