"""LangChain's adapter of MCP."""

from attempts import PROMPT, READ, TOKEN, URL, run
from langchain_mcp_adapters.client import MultiServerMCPClient

server = {"transport": "streamable_http", "url": URL, "headers": {"authorization": f"Bearer {TOKEN}"}}


async def attempts():
    client = MultiServerMCPClient({"test": server})

    async def listed():
        return [tool.name for tool in await client.get_tools()]

    async def text_of(name, arguments=None):
        [tool] = [tool for tool in await client.get_tools() if tool.name == name]
        result = await tool.ainvoke(arguments or {})
        return result[0]["text"] if isinstance(result, list) else result

    async def denied():
        from langchain_mcp_adapters.tools import load_mcp_tools

        async with client.session("test") as session:
            [tool] = [tool for tool in await load_mcp_tools(session) if tool.name == "test_error_handling"]
            return await tool.ainvoke({})

    async def read(uri):
        return (await client.get_resources("test", uris=[uri]))[0].data

    async def prompt():
        return (await client.get_prompt("test", PROMPT, arguments={"arg1": "a", "arg2": "b"}))[0].content

    yield "list", listed()
    yield "call", text_of("test_simple_text")
    yield "denied", denied()
    yield "read", read(READ)
    yield "prompt", prompt()


run(attempts)
