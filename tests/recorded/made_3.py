"""Objects of libraries on openai 3 that hold a model: the line that makes one has the names of what asks with it."""

import asyncio

from agents import Agent as Assistant
from agents import OpenAIChatCompletionsModel, Runner, set_default_openai_api
from agents import set_tracing_disabled
from agno.agent import Agent as Worker
from agno.models.openai import OpenAIChat
from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel

set_tracing_disabled(True)
set_default_openai_api("chat_completions")
llm = ChatOpenAI(model="gpt-4o")  # invoke, piped, batched, later, gathered, bound, node
other = ChatOpenAI(model="gpt-4o")  # one_of_two
chosen = other if llm.model_name else llm
prompt = ChatPromptTemplate.from_messages([("user", "{text}")])
named = init_chat_model("openai:gpt-4o")  # named
react = create_react_agent("openai:gpt-4o", [])  # react
graph = create_agent(ChatOpenAI(model="gpt-4o"), [])  # graph
by_name = Agent("openai-chat:gpt-4o")  # by_name, by_name_later
by_model = Agent(OpenAIChatModel("gpt-4o"))  # by_model
assistant = Assistant(name="a", model="gpt-4o")  # assistant, cloned, streamed
expert = Assistant(name="e", model=OpenAIChatCompletionsModel(model="gpt-4o", openai_client=AsyncOpenAI()))  # expert
copied = assistant.clone(name="c")
worker = Worker(model=OpenAIChat(id="gpt-4o"), telemetry=False)  # worker


def make():
    return ChatOpenAI(
        model="gpt-4o",
        temperature=0,
    )  # -3: from_function


def ways():
    llm.invoke("invoke")
    (prompt | llm).invoke({"text": "piped"})
    llm.batch(["batched", "batched"])
    llm.bind(temperature=0).invoke("bound")
    chosen.invoke("one_of_two")
    make().invoke("from_function")
    named.invoke("named")
    react.invoke({"messages": [("user", "react")]})
    graph.invoke({"messages": [("user", "graph")]})
    by_name.run_sync("by_name")
    by_model.run_sync("by_model")
    worker.run("worker")


async def later_ways():
    await llm.ainvoke("later")
    await asyncio.gather(llm.ainvoke("gathered"), by_name.run("by_name_later"))
    await Runner.run(assistant, "assistant")
    await Runner.run(expert, "expert")
    await Runner.run(copied, "cloned")
    async for _ in Runner.run_streamed(assistant, "streamed").stream_events():
        pass
    await asyncio.gather(*(chain_of(name).ainvoke({"text": name}) for name in ["node"]))


def chain_of(name):
    return prompt | llm.with_config(run_name=name)


if __name__ == "__main__":
    ways()
    asyncio.run(later_ways())
