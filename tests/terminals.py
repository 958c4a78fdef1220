"""Answer one question: what does a terminal get from a command?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def on_a_terminal(arguments: tuple[str, ...], *, without: tuple[str, ...] = (), **variables: str) -> tuple[int, str]:
    """Run a command with a terminal as its output; give its exit code and what the terminal got."""
    kept = {name: value for name, value in os.environ.items() if name not in without}
    pty = pytest.importorskip("pty", reason="no terminals to open here")
    main, child = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "migrator", *arguments],
        stdout=child,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env={**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **variables},
    )
    os.close(child)
    pieces = []
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:  # Linux ends a closed terminal so
            break
        if not piece:
            break
        pieces.append(piece)
    code = done.wait()
    os.close(main)
    return code, b"".join(pieces).decode().replace("\r\n", "\n")
