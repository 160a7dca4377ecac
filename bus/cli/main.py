"""The command `busd`: finds the subcommand, runs it, and turns what went wrong into a sentence.

Exit code   Meaning
---------   -------
0           done
1           it failed: a broker, a disk or a check said no
2           the user can put it right: an option, a setting, a name, a file, a port
130         Ctrl-C
141         nobody reads the output any more (as a shell reports SIGPIPE)

Only the chosen command's module is imported.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from bus.cli.failure import INTERRUPTED, OK, PIPE_CLOSED, USER_ERROR, code_of, sentence_of
from bus.cli.options import Namespace, Parser

COMMANDS: dict[str, str] = {  # name, and module in bus.cli -> what it does
    "serve": "run a broker",
    "topic": "create, list, describe, alter and delete topics",
    "group": "list, describe, reset and delete consumer groups",
    "cluster": "show the brokers, who leads, and who is in sync",
    "broker": "list, drain and remove brokers",
    "partition": "move partitions to other brokers, and elect leaders",
    "doctor": "tell which failures each topic survives, and what to put right",
    "produce": "send lines, or the rows of a CSV, NDJSON or Parquet file",
    "consume": "print records",
    "segment": "look into the files of a log, and check them",
    "demo": "336,776 flights through a durable log, checked row by row",
}
HIDDEN: dict[str, str] = {"settings": "settings_doc", "apis": "kafka_doc"}

EXAMPLES = """examples:
  busd demo
  busd serve --data /var/lib/busd
  busd topic create flights --partitions 4
  echo hello | busd produce greetings
  busd consume greetings --end

`busd COMMAND --help` shows the options and examples of a command.
"""


class Command(Protocol):
    """What a command's module offers."""

    def parser(self) -> Parser:
        """Its options."""

    def run(self, args: Namespace) -> int:
        """Do it; the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _dispatch(given)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except SystemExit as leaving:  # argparse has printed its help
        return leaving.code if isinstance(leaving.code, int) else USER_ERROR
    except Exception as error:
        code, sentence = code_of(error), sentence_of(error)
        if sentence is None:
            raise  # ours: the traceback is what we need
        print(f"busd: {sentence}", file=sys.stderr)
        return code


def _dispatch(given: list[str]) -> int:
    if not given or given[0] in {"-h", "--help", "help"}:
        print(_help(), end="")
        return OK if given else USER_ERROR
    if given[0] in {"-V", "--version"}:
        print(f"busd {_version()}")
        return OK
    name, rest = given[0], given[1:]
    if name not in COMMANDS and name not in HIDDEN:
        from bus.model.setting import unknown_name

        print(f"busd: {unknown_name(name, COMMANDS, 'command')}", file=sys.stderr)
        return USER_ERROR
    module = cast(Command, import_module(f"bus.cli.{HIDDEN.get(name, name)}"))
    return module.run(module.parser().read(rest))


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {what}" for name, what in COMMANDS.items()]
    return (
        "usage: busd COMMAND [OPTION...]\n\n"
        "A durable, partitioned log: embedded, or as a server.\n\n"
        "commands:\n" + "\n".join(lines) + "\n\n"
        "options:\n  -h, --help     this text\n  -V, --version  the version\n\n" + EXAMPLES
    )


def _version() -> str:
    from importlib.metadata import version

    return version("busd")


def _forget_stdout() -> None:
    """Let the interpreter's last flush go nowhere instead of failing once more."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
