"""The official Python client."""

import asyncio

import mcp_types as types
from attempts import MODE, PROMPT, READ, TOKEN, URL, run
from mcp.client import Client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

logs = []


async def sample(_context, _params):
    return types.CreateMessageResult(role="assistant", model="none", content=types.TextContent(text="Paris"))


async def elicit(_context, _params):
    return types.ElicitResult(action="accept", content={"username": "alice", "email": "a@b.example"})


async def roots(_context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///work")])


async def log(params):
    logs.append(params.data)


async def attempts():
    http = create_mcp_http_client(headers={"authorization": f"Bearer {TOKEN}"})
    async with Client(
        streamable_http_client(URL, http_client=http),
        mode=MODE,
        sampling_callback=sample,
        elicitation_callback=elicit,
        list_roots_callback=roots,
        logging_callback=log,
        log_level="info" if MODE != "legacy" else None,
    ) as client:

        async def text_of(name, arguments=None, **more):
            result = await client.call_tool(name, arguments or {}, **more)
            return result.content[0].text

        async def progressed():
            seen = []

            async def on_progress(progress, _total, _message):
                seen.append(progress)

            await text_of("test_tool_with_progress", progress_callback=on_progress)
            return seen

        async def logged():
            if MODE == "legacy":
                await client.set_logging_level("info")
            await text_of("test_tool_with_logging")
            return logs

        async def cancelled():
            task = asyncio.create_task(text_of("linger"))
            await asyncio.sleep(0.5)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                # what ends the request is still on its way, and this client breaks where nobody takes it
                await asyncio.sleep(0.3)
                return "cancelled"

        async def completed():
            ref = types.PromptReference(name=PROMPT)
            return (await client.complete(ref, {"name": "arg1", "value": "par"})).completion.values

        async def listed():
            return [tool.name for tool in (await client.list_tools()).tools]

        async def read(uri):
            return (await client.read_resource(uri)).contents[0].text

        async def prompt():
            return (await client.get_prompt(PROMPT, {"arg1": "a", "arg2": "b"})).messages[0].content.text

        async def version():
            return client.protocol_version

        yield "version", version()
        yield "list", listed()
        yield "call", text_of("test_simple_text")
        yield "denied", text_of("test_image_content")
        yield "progress", progressed()
        yield "logs", logged()
        yield "read", read(READ)
        yield "prompt", prompt()
        yield "complete", completed()
        yield "sampling", text_of("test_sampling", {"prompt": "capital?"})
        yield "elicitation", text_of("test_elicitation", {"message": "who?"})
        yield "roots", text_of("test_roots")
        yield "cancel", cancelled()


run(attempts)
