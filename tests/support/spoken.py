"""Whether a command line that a page or a crontab shows is one that the program knows."""

from collections.abc import Iterator

import click

from gentle_nudge.cli.app import main
from gentle_nudge.cli.reviewers import ReviewCommands

CONTEXT = click.Context(main, **main.context_settings)  # a command remembers the first help option it is asked for
LEFT_OPEN = {"…", "COMMAND"}


def fault(words: list[str]) -> str | None:
    """What is wrong with these words after `gentle-nudge`: an unknown command or option; None: nothing.

    What follows the command's own words (the rest of a sentence), or a word left open (…), is not looked at.
    """
    command: click.Command = main
    rest = iter(words)
    for word in rest:
        if word in LEFT_OPEN:
            return None
        if word.startswith("-") and word != "-":
            name = word.partition("=")[0]
            if isinstance(command, ReviewCommands) and name not in options(command):
                command = command.commands[command.first]
            option = options(command).get(name)
            if option is None:
                return f"{command.name} has no option {name}"
            if not option.is_flag and "=" not in word:
                next(rest, None)
        elif isinstance(command, click.Group):
            found = command.get_command(CONTEXT, word)
            if found is None and (command is main or not command.invoke_without_command):
                return f"there is no command {word}"
            command = found or command
    return None


def options(command: click.Command) -> dict[str, click.Option]:
    """The options of a command by each of their names."""
    found = (param for param in command.get_params(CONTEXT) if isinstance(param, click.Option))
    return {name: option for option in found for name in (*option.opts, *option.secondary_opts)}


def commands(command: click.Command = main, *above: str) -> Iterator[tuple[str, ...]]:
    """Every command there is, as the words after `gentle-nudge`; groups come before their commands."""
    if above:
        yield above
    if isinstance(command, click.Group):
        for name in command.list_commands(CONTEXT):
            found = command.get_command(CONTEXT, name)
            if found is not None:
                yield from commands(found, *above, name)


def every_option() -> frozenset[str]:
    """The names of all options of all commands."""
    names = set(options(main))
    for words in commands():
        command: click.Command = main
        for word in words:
            command = (command.get_command(CONTEXT, word) if isinstance(command, click.Group) else None) or command
        names |= options(command).keys()
    return frozenset(names)
