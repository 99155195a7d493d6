"""Runs attempts with a client and says as JSON what came of each."""

import asyncio
import json
import os
import sys

URL = os.environ["SERVER_URL"]
MODE = os.environ["MODE"]
TOKEN = os.environ["TOKEN"]
PROMPT = "test_prompt_with_arguments"
READ = "test://template/7/data"


def raised(error):
    """Says what is known of an error, of one within a group as of itself."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    data = getattr(getattr(error, "error", None), "data", None) or getattr(error, "data", None) or {}
    return {
        "errors": [f"{one.__module__.split('.')[0]}.{one.__name__}" for one in type(error).__mro__],
        "code": getattr(error, "code", None),
        "decision_id": data.get("decision_id") if isinstance(data, dict) else None,
        "reasons": [one["code"] for one in data.get("reasons", [])] if isinstance(data, dict) else [],
        "message": str(error),
    }


def run(attempts):
    """Runs a coroutine function that yields `(name, coroutine)`; prints what each gave or raised."""

    async def all_of_them():
        results = {}
        async for name, attempt in attempts():
            try:
                results[name] = await attempt
            except BaseException as error:  # noqa: BLE001: which one it is is the result
                results[name] = raised(error)
        return results

    json.dump(asyncio.run(all_of_them()), sys.stdout)
