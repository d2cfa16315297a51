"""Programs that only the system's package manager can bring, such as the browser of the tests."""

import os
import shutil
import subprocess
from pathlib import Path

from .paths import LOGS
from .steps import Failed, call, step


def _has_browser():
    names = ("google-chrome", "chromium", "chromium-browser", "google-chrome-stable")
    return any(map(shutil.which, names))


def _has_chinese_font():
    if not shutil.which("fc-list"):
        return False
    fonts = subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, check=False)
    return bool(fonts.stdout.strip())


def has_pdf_printer():
    """Whether Odoo can print PDF documents."""
    return bool(shutil.which("wkhtmltopdf"))


NEEDED_BY_TESTS = {
    "chromium": _has_browser,
    "fonts-noto-cjk": _has_chinese_font,
    "wkhtmltopdf": has_pdf_printer,
}


def ensure_for_tests():
    """Install what the tests need: a test that cannot run must not pass for one that did."""
    if missing := [name for name, present in NEEDED_BY_TESTS.items() if not present()]:
        install(missing)
        if missing := [name for name in missing if not NEEDED_BY_TESTS[name]()]:
            raise Failed(
                f"{', '.join(missing)} cannot be used although installed.",
                "Install working ones by hand, then repeat.",
            )


def install(packages):
    """Install ``packages`` by apt if the user may; otherwise say the one command to type."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if not shutil.which("apt-get"):
        raise Failed(
            f"The system lacks {', '.join(packages)}.",
            "Install them with the system's package manager (these are Debian's names).",
        )
    prefix = _become_root()
    if prefix is None:
        raise Failed(
            f"The system lacks {', '.join(packages)}, and you may not install packages.",
            f"Type this, or have it typed:  sudo {' '.join(command)}",
        )
    log = LOGS / "system-packages.log"
    failure = Failed(
        f"apt could not install {', '.join(packages)}.",
        f"See the end of the log; by hand it is:  sudo {' '.join(command)}",
        log,
    )
    quiet = prefix + ["env", "DEBIAN_FRONTEND=noninteractive"]
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    with step(f"Installing system packages: {' '.join(packages)}", log):
        call(quiet + ["apt-get", "update", *wait], log, failure)
        call(quiet + command + wait, log, failure)


def _become_root():
    """The words before a command that run it as root, or None where the user may not."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        allowed = subprocess.run(
            ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if allowed.returncode == 0:
            return ["sudo", "-n"]
    return None


def os_release(key):
    """A value from what the system tells about itself, such as ``VERSION_CODENAME``."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return dict(line.split("=", 1) for line in lines if "=" in line).get(key, "").strip('"')
