"""Answer one question: how does the recorder get into a program that knows nothing of it?

The folder of this file stands first on ``PYTHONPATH`` while ``migrator record`` runs, and Python imports
the first ``sitecustomize`` that it finds. The recorder is loaded by its path, because the program's Python
may be another one, without this package. The ``sitecustomize`` that would have run otherwise runs then.
"""

import importlib.util
import os
import sys
from importlib.machinery import PathFinder
from types import ModuleType


def _load(name: str, path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _start(here: str) -> None:
    settings = os.environ.get("MIGRATOR_RECORD")
    if settings and "_migrator_recorder" not in sys.modules:
        path = os.path.join(os.path.dirname(here), "recorder", "__init__.py")
        _load("_migrator_recorder", path).start(settings)


def _chain(here: str) -> None:
    others = [path for path in sys.path if os.path.realpath(path or ".") != os.path.realpath(here)]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.origin:
        _load("sitecustomize", spec.origin)


_here = os.path.dirname(os.path.abspath(__file__))
try:
    _start(_here)
except Exception as error:  # whatever is wrong here, the program must start
    sys.stderr.write("migrator: nothing is recorded in this process: %s\n" % type(error).__name__)
_chain(_here)
