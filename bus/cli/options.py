"""Command-line options: argparse, with one sentence where something is wrong."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from bus.cli.failure import UserError
from bus.model.setting import unknown_name

Namespace = argparse.Namespace


class Parser(argparse.ArgumentParser):
    """Options of one command; mistakes raise UserError instead of printing the usage."""

    def __init__(
        self, prog: str | None = None, description: str = "", examples: str = "", **more: Any
    ) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **more,
        )

    def read(self, given: Sequence[str]) -> Namespace:
        """Parse; an unknown option is refused with the nearest known one."""
        args, rest = self.parse_known_args(given)
        if not rest:
            return args
        if not rest[0].startswith("-"):
            raise UserError(f"{self.prog} does not expect {rest[0]!r}; see {self.prog} --help.")
        name = rest[0].partition("=")[0]
        sentence = unknown_name(name.replace("_", "-"), self._all_options(args), "option")
        raise UserError(f"{sentence} See {self.prog} --help.")

    def _all_options(self, args: Namespace) -> list[str]:
        chosen: Parser | None = getattr(args, "parser", None)
        return [*self._option_string_actions, *(chosen._option_string_actions if chosen else ())]

    def error(self, message: str) -> NoReturn:
        """Called by argparse for a missing or malformed argument."""
        raise UserError(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")


class Group:
    """A command with commands of its own, as `busd topic create`."""

    def __init__(self, parent: Parser) -> None:
        self._commands = parent.add_subparsers(
            metavar="COMMAND", required=True, title="commands", parser_class=Parser
        )

    def add(self, name: str, does: str, run: Callable[[Namespace], int], examples: str) -> Parser:
        """A command; its parser, to be given options."""
        made = self._commands.add_parser(
            name, help=does, description=f"{does[:1].upper()}{does[1:]}.", examples=examples
        )
        made.set_defaults(run=run, parser=made)
        return made


def assignments(given: Sequence[str], option: str) -> dict[str, str]:
    """NAME=VALUE arguments as a mapping; UserError for one without '='."""
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UserError(f"{option} takes NAME=VALUE, not {text!r}.")
        pairs[name.strip()] = value
    return pairs


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def topics_and_partitions(
    given: list[str] | None,
) -> tuple[list[str] | None, list[tuple[str, int]] | None]:
    """Of --topic TOPIC[:N,...]: topics, and single partitions; None and None without any."""
    if given is None:
        return None, None
    topics, partitions = [], []
    for text in given:
        topic, colon, numbers = text.partition(":")
        if not colon:
            topics.append(topic)
            continue
        for number in numbers.split(","):
            if not number.isdecimal():
                raise UserError(f"--topic takes TOPIC or TOPIC:0,1,2, not {text!r}.")
            partitions.append((topic, int(number)))
    return topics, partitions


def number(text: str) -> int:
    """A broker's number, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no broker's number")
    return int(text)


def numbers(text: str) -> tuple[int, ...]:
    """Brokers with commas between, each once, for argparse."""
    found = tuple(number(part.strip()) for part in text.split(","))
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text!r} names a broker twice")
    return found
