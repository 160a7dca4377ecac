"""Do the tables hold what the table in the docstring promises, and nothing else of ours?"""

from dataclasses import fields

from bus.wire import extensions
from bus.wire.registry import APIS
from bus.wire.schema import EXTENSION_TAG_MIN, wire_of


def tables(table):
    yield table
    for declared in fields(table):
        element = wire_of(declared).element
        if isinstance(element, type):
            yield from tables(element)


def ours():
    for api in APIS:
        for message in (api.request, api.response):
            for table in tables(message):
                for declared in fields(table):
                    if wire_of(declared).tag >= EXTENSION_TAG_MIN:
                        yield table.__name__, declared.name, wire_of(declared)


def promised():
    for line in extensions.__doc__.splitlines():
        words = line.split()
        if line.startswith("    ") and len(words) > 4 and words[1].isdigit():
            yield words[0], words[2], (int(words[1]), words[3])


def test_the_docstring_names_each_tag_of_ours():
    held = sorted((table, name, (wire.tag, wire.kind)) for table, name, wire in ours())
    assert held == sorted(promised())


def test_our_tags_are_in_every_flexible_version():
    assert all(wire.since == 0 for _, _, wire in ours())


def test_our_keys_begin_beyond_kafkas():
    assert max(api.key for api in APIS if api.key < extensions.API_KEY_MIN) < 1000
