"""The same on openai 2: LlamaIndex, AutoGen, smolagents."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI
from smolagents import OpenAIServerModel

index = OpenAI(model="gpt-4o")  # chat, complete, achat
client = OpenAIChatCompletionClient(model="gpt-4o")  # autogen
small = OpenAIServerModel(model_id="gpt-4o")  # small


def ways():
    index.chat([ChatMessage(role="user", content="chat")])
    index.complete("complete")
    small([{"role": "user", "content": [{"type": "text", "text": "small"}]}])


async def later_ways():
    await index.achat([ChatMessage(role="user", content="achat")])
    await AssistantAgent("a", model_client=client).run(task="autogen")


if __name__ == "__main__":
    ways()
    asyncio.run(later_ways())
