"""FastMCP's client."""

import asyncio

from attempts import MODE, PROMPT, READ, TOKEN, URL, run
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult

logs = []


async def sample(_messages, _params, _context):
    return "Paris"


async def elicit(_message, _response_type, _params, _context):
    return ElicitResult(action="accept", content={"username": "alice", "email": "a@b.example"})


async def log(message):
    logs.append(message.data)


async def attempts():
    async with Client(
        URL,
        auth=TOKEN,
        mode=MODE,
        sampling_handler=sample,
        elicitation_handler=elicit,
        roots=["file:///work"],
        log_handler=log,
    ) as client:

        async def text_of(name, arguments=None, **more):
            return (await client.call_tool(name, arguments or {}, **more)).content[0].text

        async def progressed():
            seen = []

            async def on_progress(progress, _total, _message):
                seen.append(progress)

            await text_of("test_tool_with_progress", progress_handler=on_progress)
            return seen

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
            import mcp_types as types

            result = await client.complete(types.PromptReference(name=PROMPT), {"name": "arg1", "value": "par"})
            return getattr(result, "completion", result).values

        async def listed():
            return [tool.name for tool in await client.list_tools()]

        async def read(uri):
            return (await client.read_resource(uri))[0].text

        async def prompt():
            return (await client.get_prompt(PROMPT, {"arg1": "a", "arg2": "b"})).messages[0].content.text

        yield "list", listed()
        yield "call", text_of("test_simple_text")
        yield "denied", text_of("test_image_content")
        yield "progress", progressed()
        yield "read", read(READ)
        yield "prompt", prompt()
        yield "complete", completed()
        yield "sampling", text_of("test_sampling", {"prompt": "capital?"})
        yield "elicitation", text_of("test_elicitation", {"message": "who?"})
        yield "roots", text_of("test_roots")
        yield "cancel", cancelled()


run(attempts)
