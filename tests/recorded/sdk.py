"""A program that asks a model in each way the SDK knows; what it says is the name at the end of the line that asks.

Run with the names of the ways; without one it runs all that this version of the SDK has.
"""

import asyncio
import concurrent.futures
import contextlib
import importlib.util
import multiprocessing
import os
import sys
import threading

import openai
import pydantic

client, later = openai.OpenAI(max_retries=2), openai.AsyncOpenAI(max_retries=2)
MODEL = "gpt-4o"


class Answer(pydantic.BaseModel):
    text: str


def say(text):
    return [{"role": "user", "content": text}]


def sync():
    client.chat.completions.create(model=MODEL, messages=say("sync"))  # sync


def many_lines():
    client.chat.completions.create(
        model=MODEL,
        messages=say("many_lines"),
    )  # -3: many_lines


def with_options():
    client.with_options(timeout=20).chat.completions.create(model=MODEL, messages=say("with_options"))  # with_options


def stream():
    for _ in client.chat.completions.create(model=MODEL, messages=say("stream"), stream=True):  # stream
        pass


def abandoned():
    chunks = client.chat.completions.create(model=MODEL, messages=say("abandoned"), stream=True)  # abandoned
    next(iter(chunks))
    chunks.close()


def stream_helper():
    with client.chat.completions.stream(model=MODEL, messages=say("stream_helper")) as chunks:  # stream_helper
        for _ in chunks:
            pass


def parse():
    ask = client.chat.completions if hasattr(client.chat.completions, "parse") else client.beta.chat.completions
    with contextlib.suppress(pydantic.ValidationError):
        ask.parse(model=MODEL, messages=say("parse"), response_format=Answer)  # parse


def raw():
    client.chat.completions.with_raw_response.create(model=MODEL, messages=say("raw")).parse()  # raw


def raw_stream():
    ask = client.chat.completions.with_streaming_response
    with ask.create(model=MODEL, messages=say("raw_stream")) as answer:  # raw_stream
        answer.read()


def responses():
    client.responses.create(model=MODEL, input=say("responses"))  # responses


def responses_stream():
    for _ in client.responses.create(model=MODEL, input=say("responses_stream"), stream=True):  # responses_stream
        pass


def module_client():
    openai.chat.completions.create(model=MODEL, messages=say("module_client"))  # module_client


def thread():
    def work():
        client.chat.completions.create(model=MODEL, messages=say("thread"))  # thread

    one = threading.Thread(target=work)
    one.start()
    one.join()


def pool():
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        threads.submit(client.chat.completions.create, model=MODEL, messages=say("pool")).result()  # pool


def comprehension():
    ask = client.chat.completions
    return [ask.create(model=MODEL, messages=say(one)) for one in ["comprehension"]]  # comprehension


def generator():
    def answers():
        for name in ["generator"]:
            yield client.chat.completions.create(model=MODEL, messages=say(name))  # generator

    return list(answers())


def azure():
    end = os.environ["OPENAI_BASE_URL"]
    there = openai.AzureOpenAI(azure_endpoint=end, api_key="a", api_version="2024-10-21", max_retries=0)
    with contextlib.suppress(openai.NotFoundError):
        there.chat.completions.create(model=MODEL, messages=say("azure"))  # azure


def spawned():
    with multiprocessing.get_context("spawn").Pool(1) as pool_of_one:
        pool_of_one.map(work_elsewhere, ["spawned"])


def forked():
    with multiprocessing.get_context("fork").Pool(1) as pool_of_one:
        pool_of_one.map(work_elsewhere, ["forked"])


def work_elsewhere(name):
    openai.OpenAI().chat.completions.create(model=MODEL, messages=say(name))  # spawned, forked


async def async_plain():
    await later.chat.completions.create(model=MODEL, messages=say("async_plain"))  # async_plain


async def gather():
    await asyncio.gather(later.chat.completions.create(model=MODEL, messages=say("gather")))  # gather


async def task():
    work = asyncio.create_task(later.chat.completions.create(model=MODEL, messages=say("task")))  # task
    await asyncio.sleep(0)
    await work


async def timeout():
    await asyncio.wait_for(later.chat.completions.create(model=MODEL, messages=say("timeout")), 20)  # timeout


async def async_raw():
    ask = later.chat.completions.with_raw_response
    await asyncio.gather(ask.create(model=MODEL, messages=say("async_raw")))  # async_raw


async def async_parse():
    ask = later.chat.completions if hasattr(later.chat.completions, "parse") else later.beta.chat.completions
    with contextlib.suppress(pydantic.ValidationError):
        await asyncio.gather(ask.parse(model=MODEL, messages=say("async_parse"), response_format=Answer))  # async_parse


async def async_stream():
    chunks = await later.chat.completions.create(model=MODEL, messages=say("async_stream"), stream=True)  # async_stream
    async for _ in chunks:
        pass


async def async_stream_helper():
    ask = later.chat.completions
    async with ask.stream(model=MODEL, messages=say("async_stream_helper")) as chunks:  # async_stream_helper
        async for _ in chunks:
            pass


async def async_responses():
    await asyncio.gather(later.responses.create(model=MODEL, input=say("async_responses")))  # async_responses


async def async_responses_stream():
    said = say("async_responses_stream")
    chunks = await later.responses.create(model=MODEL, input=said, stream=True)  # async_responses_stream
    async for _ in chunks:
        pass


async def to_thread():
    await asyncio.to_thread(client.chat.completions.create, model=MODEL, messages=say("to_thread"))  # to_thread


async def async_generator():
    async def answers():
        yield await later.chat.completions.create(model=MODEL, messages=say("async_generator"))  # async_generator

    return [one async for one in answers()]


async def aiohttp():
    async with openai.AsyncOpenAI(http_client=openai.DefaultAioHttpClient()) as own:
        await own.chat.completions.create(model=MODEL, messages=say("aiohttp"))  # aiohttp


SYNC = (sync, many_lines, with_options, stream, abandoned, stream_helper, parse, raw, raw_stream, responses)
SYNC += (responses_stream, module_client, thread, pool, comprehension, generator, azure, spawned, forked)
ASYNC = (async_plain, gather, task, timeout, async_raw, async_parse, async_stream, async_stream_helper)
ASYNC += (async_responses, async_responses_stream, to_thread, async_generator, aiohttp)
# What came with later versions of the SDK.
NEEDS_HELPER = {"stream_helper", "async_stream_helper"}
HAS_AIOHTTP = any(map(importlib.util.find_spec, ("aiohttp", "httpx_aiohttp")))


async def run_all(chosen):
    for way in chosen:
        await way()


def main():
    has_helper = hasattr(client.chat.completions, "stream")
    chosen = [
        way
        for way in (*SYNC, *ASYNC)
        if (way.__name__ in sys.argv or not sys.argv[1:]) and (has_helper or way.__name__ not in NEEDS_HELPER)
        and (HAS_AIOHTTP or way is not aiohttp)
    ]
    for way in chosen:
        if way in SYNC:
            way()
    asyncio.run(run_all([way for way in chosen if way in ASYNC]))
    print(" ".join(way.__name__ for way in chosen))


if __name__ == "__main__":
    main()
