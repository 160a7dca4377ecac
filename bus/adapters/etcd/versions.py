"""Which versions of etcd are used, and why others are not.

3.4.20 and 3.4.21 crash or lose data, 3.5.0 to 3.5.5 may let members drift apart, and what is older
than 3.4.22 is not looked after. A newer 3.x is taken to keep what 3.6 promises; a 4.0 would be
another program.
"""

import re

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:[-+].*)?\Z", re.S | re.A)
PATCHES_MIN = {4: 22, 5: 6}  # of 3.x, the first that is used
MINOR_MIN = 4
ADVICE = "Install 3.4.22, 3.5.6, 3.6 or a newer 3.x"


def objection(version: str) -> str | None:
    """A sentence's end that says why this version is not used; None if it is."""
    match = _VERSION.match(version)
    if match is None:
        return f"calls its version {version[:40]!r}, which is none of etcd's. {ADVICE}"
    major, minor, patch = map(int, match.groups())
    if major == 3 and minor >= MINOR_MIN and patch >= PATCHES_MIN.get(minor, 0):
        return None
    is_known_bad = (minor == 5) or (minor == 4 and patch in (20, 21))
    why = "may lose or corrupt data" if major == 3 and is_known_bad else "is not supported"
    return f"runs etcd {major}.{minor}.{patch}, which {why}. {ADVICE}"
