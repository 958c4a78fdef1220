"""A web application that asks a model once for each request, for servers of both kinds: ``app`` and ``wsgi``."""

import os

import openai

later = openai.AsyncOpenAI()
client = openai.OpenAI()


def say(name):
    return [{"role": "user", "content": name}]


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await later.chat.completions.create(model="gpt-4o", messages=say("asgi"))  # asgi
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})


def wsgi(environ, start_response):
    client.chat.completions.create(model="gpt-4o", messages=say("wsgi"))  # wsgi
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]
