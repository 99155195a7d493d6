"""A real LangServe: one chain that writes and then calls a tool piece by piece, one that answers with a message."""
import sys

import uvicorn
from fastapi import FastAPI
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import RunnableGenerator, RunnableLambda
from langserve import add_routes


async def words(inputs):
    async for text in inputs:
        for word in str(text).split():
            yield word + " "


def piece(name, args, id):
    return {"name": name, "args": args, "id": id, "index": 0, "type": "tool_call_chunk"}


async def calls(inputs):
    async for _ in inputs:
        pass
    yield AIMessageChunk(content="let me see ")
    yield AIMessageChunk(content="", tool_call_chunks=[piece("weather", "", "c1")])
    yield AIMessageChunk(content="", tool_call_chunks=[piece(None, '{"city":', None)])
    yield AIMessageChunk(content="", tool_call_chunks=[piece(None, '"Bern"}', None)])


async def message(_):
    return AIMessage(content="", tool_calls=[{"name": "weather", "args": {"city": "Bern"}, "id": "c1"}])


app = FastAPI()
add_routes(app, RunnableGenerator(words), path="/words", input_type=str)
add_routes(app, RunnableGenerator(calls), path="/calls", input_type=str, output_type=AIMessageChunk)
add_routes(app, RunnableLambda(message), path="/message", input_type=str, output_type=AIMessage)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
