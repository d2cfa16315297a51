"""``make lint``: formatting, Python rules and Odoo's own rules, over all code."""

import subprocess

from . import virtualenv
from .paths import ADDONS, ROOT, addons

PATHS = ("addons", "tests", "scripts", "benchmarks", "conftest.py")


def lint():
    """Run every tool even when an earlier one complains, so that one run tells everything."""
    tools = virtualenv.ensure().parent
    paths = [name for name in PATHS if (ROOT / name).exists()]
    commands = [
        [tools / "ruff", "format", "--check", *paths],
        [tools / "ruff", "check", *paths],
    ]
    if modules := [f"{ADDONS.name}/{name}" for name in addons()]:
        commands.append([tools / "pylint", "--rcfile=setup.cfg", *modules])
    failed = False
    for command in commands:
        words = [str(word) for word in command]
        print("==>", command[0].name, *words[1:], flush=True)
        failed |= bool(subprocess.run(words, cwd=ROOT, check=False).returncode)
    print("lint: failed" if failed else "lint: clean", flush=True)
    return int(failed)
