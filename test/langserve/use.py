"""LangServe's own client, unmodified: tries each way of asking and says what came of it, as JSON."""
import asyncio
import json
import os

from langserve import RemoteRunnable

headers = {"authorization": "Bearer " + os.environ["TOKEN"]}
words, calls, message = (
    RemoteRunnable(f"{os.environ['GATEWAY_URL']}/routes/chains/{name}", headers=headers)
    for name in ("words", "calls", "message")
)
results = {}


def attempt(name, ask):
    try:
        results[name] = ask()
    except Exception as error:  # the client's own, whatever it is
        results[name] = {"error": type(error).__name__, "message": str(error)}


async def all_of(stream):
    return [one async for one in stream]


def events(runnable):
    return [event["event"] for event in asyncio.run(all_of(runnable.astream_events("one two", version="v1")))]


attempt("invoke", lambda: words.invoke("one two"))
attempt("configured", lambda: words.invoke("one two", config={"tags": ["t"], "configurable": {"length": 1}}))
attempt("batch", lambda: words.batch(["one", "two three"]))
attempt("stream", lambda: list(words.stream("one two")))
attempt("log", lambda: len(asyncio.run(all_of(words.astream_log("one two")))) > 1)
attempt("events", lambda: events(words))
attempt("call, whole", lambda: [call["name"] for call in message.invoke("x").tool_calls])
attempt("call, streamed", lambda: "".join(c["args"] for m in calls.stream("x") for c in m.tool_call_chunks))
attempt("call, in a log", lambda: len(asyncio.run(all_of(calls.astream_log("x")))) > 1)
attempt("call, in events", lambda: events(calls)[-1])
print(json.dumps(results))
