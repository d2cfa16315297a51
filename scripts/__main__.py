"""``python3 -m scripts <command>``: what the targets of the Makefile call."""

import signal
import sys

if not (3, 10) <= sys.version_info < (3, 14):
    sys.exit(
        "Odoo 19 needs Python 3.10 to 3.13 and this is {}.{}.\n".format(*sys.version_info)
        + "Name one that you have, for example:  make run PYTHON=python3.12"
    )

from . import lint, run, test
from .steps import Failed

COMMANDS = {
    "run": run.run,
    "stop": run.stop,
    "reset": run.reset,
    "shell": run.shell,
    "test": test.test,
    "lint": lint.lint,
}


def terminated(signum, _frame):
    """Leave through the ``finally`` blocks, so that servers stop and temporary files go."""
    sys.exit(128 + signum)


def main():
    """Run one command; its failures are told in a sentence, not in a traceback."""
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"usage: python3 -m scripts {'|'.join(COMMANDS)} [arguments]")
    signal.signal(signal.SIGTERM, terminated)
    signal.signal(signal.SIGHUP, terminated)
    try:
        return COMMANDS[sys.argv[1]](*sys.argv[2:]) or 0
    except Failed as failure:
        sys.stdout.flush()
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
