"""A small program with four calls."""

from openai import OpenAI

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the weather of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
SCHEMA = {
    "type": "object",
    "properties": {"label": {"type": "string", "enum": ["billing", "bug", "other"]}},
    "required": ["label"],
    "additionalProperties": False,
}


def classify(client: OpenAI, ticket: str) -> str:
    answer = client.chat.completions.create(
        model="gpt-4o",
        temperature=0.2,
        messages=[
            {"role": "system", "content": "You sort the tickets of a shop into billing, bug and other."},
            {"role": "user", "content": f"Sort this ticket, written by a customer of ours today: {ticket}"},
        ],
        response_format={"type": "json_schema", "json_schema": {"name": "sorted", "strict": True, "schema": SCHEMA}},
    )
    return answer.choices[0].message.content or ""


def weather(client: OpenAI, city: str):
    return client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": f"What is the weather like today in the city of {city}?"}],
        tools=TOOLS,
        tool_choice="required",
    )


def tell(client: OpenAI, topic: str) -> str:
    chunks = client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": f"Tell me in one short sentence what you know about {topic}."}],
        stream=True,
        stream_options={"include_usage": True},
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def shorten(client: OpenAI, text: str) -> str:
    return client.responses.create(
        model="gpt-4o", instructions="Shorten what the user gives you to at most ten words.", input=text, temperature=0
    ).output_text


def main(client: OpenAI) -> None:
    classify(client, "I was charged twice. Write to ada@example.com.")
    weather(client, "Oslo")
    tell(client, "whales")
    shorten(client, "The quick brown fox jumps over the lazy dog near the river.")
