"""The same for libraries above the SDK, in an environment with openai 3: LangChain, LangGraph, pydantic-ai, agents."""

import asyncio
import os

import httpx2
from agents import Agent as Assistant
from agents import OpenAIChatCompletionsModel, Runner, set_tracing_disabled
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from openai import AsyncOpenAI, OpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

MODEL = "gpt-4o"
llm = ChatOpenAI(model=MODEL)
chain = ChatPromptTemplate.from_messages([("user", "{text}")]) | llm
set_tracing_disabled(True)


def make_agent():
    return Agent(OpenAIChatModel(MODEL, provider=OpenAIProvider(openai_client=AsyncOpenAI())))


def make_assistant():
    return Assistant(name="a", model=OpenAIChatCompletionsModel(model=MODEL, openai_client=AsyncOpenAI()))


def ways():
    llm.invoke("lc_invoke")  # lc_invoke
    llm.batch(["lc_batch", "lc_batch"])  # lc_batch
    list(llm.stream("lc_stream"))  # lc_stream
    chain.invoke({"text": "lc_chain"})  # lc_chain
    chain.batch([{"text": "lc_chain_batch"}] * 2)  # lc_chain_batch
    llm.bind(temperature=0).invoke("lc_bound")  # lc_bound
    graph().invoke({"messages": [("user", "graph_node")]})
    make_agent().run_sync("agent_sync")  # agent_sync
    Runner.run_sync(make_assistant(), "runner_sync")  # runner_sync
    own = OpenAI(http_client=httpx2.Client())
    own.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "own_client"}])  # own_client
    body = {"model": MODEL, "messages": [{"role": "user", "content": "by_hand"}]}
    httpx2.post(f"{os.environ['OPENAI_BASE_URL']}/chat/completions", json=body)  # by_hand


def graph():
    def node(state):
        return {"messages": [llm.invoke(state["messages"])]}  # graph_node

    builder = StateGraph(MessagesState)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return builder.compile()


async def later_ways():
    await llm.ainvoke("lc_ainvoke")  # lc_ainvoke
    await asyncio.gather(llm.ainvoke("lc_gather"))  # lc_gather
    await asyncio.gather(chain.ainvoke({"text": "lc_chain_gather"}))  # lc_chain_gather
    await llm.abatch(["lc_abatch", "lc_abatch"])  # lc_abatch
    await asyncio.create_task(make_agent().run("agent_task"))  # agent_task
    await asyncio.gather(Runner.run(make_assistant(), "runner_gather"))  # runner_gather


if __name__ == "__main__":
    ways()
    asyncio.run(later_ways())
