"""``make lint``: formatting, Python rules and Odoo's own rules, over every folder with code."""

import subprocess

from . import virtualenv
from .paths import ADDONS, ROOT, addons

FOLDERS = ("addons", "tests", "scripts", "benchmarks")


def lint():
    """Run every tool even when an earlier one complains, so that one run tells everything."""
    tools = virtualenv.ensure().parent
    folders = [name for name in FOLDERS if (ROOT / name).is_dir()]
    commands = [
        [tools / "ruff", "format", "--check", *folders],
        [tools / "ruff", "check", *folders],
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
