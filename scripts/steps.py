"""Long steps: what is being done and for how long; when one fails, why and what to do."""

import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

TERMINAL_SECONDS = 1
"""How often the line of a running step is renewed on a terminal."""
FILE_SECONDS = 15
"""How often a running step adds a line where the output is not a terminal, as in CI."""
END_SECONDS = 20
"""How long an interrupted child may take to end by itself."""
LOG_NOISE = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ \d+ [A-Z]+ \S+ \S+: ")
"""What Odoo writes before each message of its log."""
CAUSE = re.compile(r"^(?:(?:\w+\.)*\w*(?:Error|Exception): |E: |ERROR: ).+", re.M)
"""How an error ends in the logs of Python, apt and pip."""


class Failed(Exception):
    """A step failed: one sentence on what failed, one on what to do, and where the log is."""

    def __init__(self, what, todo, log=None):
        super().__init__(what)
        self.lines = {"FAILED": what, "CAUSE": "", "TO DO": todo, "LOG": log}

    def __str__(self):
        return "\n".join(f"{key + ':':8}{text}" for key, text in self.lines.items() if text)


@contextmanager
def step(title, log=None):
    """Show ``title``, then the elapsed seconds and the last line of ``log`` until the end."""
    print(f"==> {title}", flush=True)
    started = time.monotonic()
    over = threading.Event()
    ticker = threading.Thread(target=_tick, args=(started, log, over), daemon=True)
    ticker.start()
    try:
        yield
        outcome = "done"
    except BaseException:
        outcome = "stopped"
        raise
    finally:
        over.set()
        ticker.join()
        print(f"    {outcome} after {time.monotonic() - started:.0f} s", flush=True)


def _tick(started, log, over):
    terminal = sys.stdout.isatty()
    while not over.wait(TERMINAL_SECONDS if terminal else FILE_SECONDS):
        line = f"    {time.monotonic() - started:3.0f} s  {_last_line(log)}"
        print(f"\r\033[K{line}" if terminal else line, end="" if terminal else "\n", flush=True)
    if terminal:
        print("\r\033[K", end="", flush=True)


def _last_line(log):
    """The end of ``log``, short enough for one line of a terminal."""
    try:
        with Path(log).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 2000))
            lines = file.read().decode(errors="replace").split("\n")
    except (OSError, TypeError):
        return ""
    last = next((line for line in reversed(lines) if line.strip()), "")
    return LOG_NOISE.sub("", last).strip()[:70]


def call(command, log, failure, **options):
    """Run ``command`` with its output added to the file ``log``; raise ``failure`` if it fails.

    The child never outlives this call: on Ctrl-C or a termination it is stopped first.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        start = output.tell()
        child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,
        )
        if wait_or_stop(child):
            failure.lines["CAUSE"] = _cause(log, start)
            raise failure


def _cause(log, start):
    """The last message of an error after ``start`` in ``log``: what follows is mostly farewell."""
    with log.open("rb") as file:
        file.seek(start)
        return (CAUSE.findall(file.read().decode(errors="replace")) or [""])[-1]


def copy(source, target, log):
    """Copy a folder with owners and modes; shared blocks where the file system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    failure = Failed(f"{target} could not be written.", "Is the disk full?", log)
    call(["cp", "-a", "--reflink=auto", source, target], log, failure)


def wait_or_stop(child):
    """Wait for ``child`` and return its exit code; when interrupted, stop it before leaving."""
    try:
        return child.wait()
    except KeyboardInterrupt:
        # the terminal sent Ctrl-C to the child as well: let it end in its own way
        _end(child)
        raise
    except BaseException:
        child.terminate()
        _end(child)
        raise


def _end(child):
    try:
        child.wait(END_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        child.kill()
        child.wait()
