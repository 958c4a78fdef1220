"""The same for libraries above the SDK, in an environment with openai 2: litellm and instructor, httpx by hand."""

import asyncio
import os

import httpx
import instructor
import litellm
from openai import AsyncOpenAI, OpenAI

MODEL = "gpt-4o"
KEY = {"Authorization": "Bearer sk-contract"}


def say(text):
    return [{"role": "user", "content": text}]


def ways():
    litellm.completion(model=f"openai/{MODEL}", messages=say("litellm_sync"))  # litellm_sync
    patched = instructor.from_openai(OpenAI())
    patched.chat.completions.create(model=MODEL, messages=say("instructor_sync"), response_model=None)  # instructor_sync
    own = OpenAI(http_client=httpx.Client())
    own.chat.completions.create(model=MODEL, messages=say("own_client"))  # own_client
    body = {"model": MODEL, "messages": say("by_hand")}
    httpx.post(f"{os.environ['OPENAI_BASE_URL']}/chat/completions", json=body, headers=KEY)  # by_hand


async def later_ways():
    await litellm.acompletion(model=f"openai/{MODEL}", messages=say("litellm_later"))  # litellm_later
    await asyncio.gather(litellm.acompletion(model=f"openai/{MODEL}", messages=say("litellm_gather")))  # litellm_gather
    patched = instructor.from_openai(AsyncOpenAI())
    ask = patched.chat.completions.create
    work = ask(model=MODEL, messages=say("instructor_gather"), response_model=None)  # instructor_gather
    await asyncio.gather(work)


if __name__ == "__main__":
    ways()
    asyncio.run(later_ways())
