"""Children that ask without a pause in some threads, each killed at a moment of its own; they note what came back."""

import os
import random
import signal
import sys
import threading
import time

import openai

KILLS, THREADS, SEED = map(int, sys.argv[1:])


def ask_on(child, thread, client, log, ready):
    for number in range(1_000_000):
        name = f"{child} {thread} {number}"
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": name}])
        os.write(log, f"{name}\n".encode())
        if not number:
            os.write(ready, b".")


def work(child, ready):
    client = openai.OpenAI()
    log = os.open("came-back", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for thread in range(THREADS):
        threading.Thread(target=ask_on, args=(child, thread, client, log, ready)).start()


def main():
    moments = random.Random(SEED)
    openai.OpenAI().chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "0 0 warm"}])
    for child in range(1, KILLS + 1):
        has_begun, ready = os.pipe()
        process = os.fork()
        if process == 0:
            work(child, ready)
            signal.pause()
        os.read(has_begun, 1)
        time.sleep(moments.uniform(0, 0.1))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


if __name__ == "__main__":
    main()
