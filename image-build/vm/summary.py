"""Tells the outcome of a run in the virtual machine; the exit code is pytest's.

    summary.py FOLDER      with code, junit.xml and console.txt of image-build/vm/test.sh

A machine that died before its tests ended has left no code, and that is a failure.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as Xml
from pathlib import Path

CONSOLE_LINES = 25


def tell(folder: Path) -> int:
    """Print the summary; return the exit code for the shell."""
    code = folder / "code"
    if not code.exists():
        lines = (folder / "console.txt").read_text(errors="replace").splitlines()
        print("vm: FAILED: the tests did not come to their end. The console's last lines:")
        print("\n".join(lines[-CONSOLE_LINES:]))
        return 1
    report = Xml.parse(folder / "junit.xml")  # noqa: S314  our own pytest wrote it
    suite = report.getroot().find("testsuite")
    for case in suite.iter("testcase"):
        for figure in case.iter("property"):
            print(f"vm: {figure.get('name')}: {figure.get('value')}")
    for case in suite.iter("testcase"):
        for kind in ("failure", "error", "skipped"):
            for what in case.iter(kind):
                print(
                    f"vm: {kind}: {case.get('name')}: {(what.get('message') or '').splitlines()[0]}"
                )
    counts = ", ".join(
        f"{suite.get(name)} {name}" for name in ("tests", "failures", "errors", "skipped")
    )
    print(f"vm: {counts}, {float(suite.get('time')):.0f} s")
    return int(code.read_text())


if __name__ == "__main__":
    sys.exit(tell(Path(sys.argv[1])))
