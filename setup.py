"""Compile the C core once, then link it into every Cython module. Metadata: pyproject.toml."""

import os
import platform
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

SANITIZE = os.environ.get("BUS_SANITIZE", "")  # as in -fsanitize=; and memoryview bounds checks
TUNING = ["-O1", "-g", f"-fsanitize={SANITIZE}"] if SANITIZE else ["-O3", "-g1"]
LINKING = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
HIDDEN = ["-std=c11", "-fPIC", "-fvisibility=hidden"]
STRICT = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow"]
if os.environ.get("CI"):
    STRICT.append("-Werror")  # never for users: another compiler warns about other things
if platform.system() == "Linux":
    LINKING.append("-pthread")

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": bool(SANITIZE),
    "wraparound": False,
    "cdivision": True,
    "embedsignature": True,
    "freethreading_compatible": False,
}

core = (
    "buscore",
    {
        "sources": sorted(str(path) for path in Path("csrc").glob("*.c")),
        "include_dirs": ["csrc"],
        "cflags": HIDDEN + STRICT + TUNING,
        "obj_deps": {"": [str(path) for path in Path("csrc").glob("*.h")]},
    },
)
modules = [
    Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        include_dirs=["csrc"],
        libraries=["buscore"],
        depends=[str(source) for source in sorted(Path("csrc").glob("*.[ch]"))],
        define_macros=[("_GNU_SOURCE", "1")],
        extra_compile_args=TUNING,
        extra_link_args=LINKING,
    )
    for path in sorted(Path("bus").rglob("*.pyx"))
]

setup(
    libraries=[core],
    ext_modules=cythonize(modules, build_dir="build/cython", compiler_directives=DIRECTIVES),
)
