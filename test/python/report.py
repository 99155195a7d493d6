"""Runs attempts with a client and says as JSON what came of each: a text, or the error that the client raised."""

import json
import os
import sys

URL = os.environ["GATEWAY_URL"]
ALLOWED = os.environ["ALLOWED_TOKEN"]
DENIED = os.environ["DENIED_TOKEN"]
QUESTION = [{"role": "user", "content": "hello"}]


def body_of(error):
    """Gives the body of an error as its client read it, whatever it calls it."""
    body = getattr(error, "body", None)
    if isinstance(body, dict):
        return body.get("error", body)
    return {}


def run(*attempts):
    """Runs each of `(name, function)`."""
    results = []
    for name, attempt in attempts:
        try:
            results.append({"name": name, "text": attempt()})
        except Exception as error:  # noqa: BLE001: which one it is is the result
            body = body_of(error)
            results.append(
                {
                    "name": name,
                    # by any of its classes: a client may derive its errors from another's
                    "errors": [f"{one.__module__.split('.')[0]}.{one.__name__}" for one in type(error).__mro__],
                    "status": getattr(error, "status_code", None),
                    "code": body.get("code"),
                    "decision_id": body.get("decision_id"),
                    "reasons": [one.get("code") for one in body.get("reasons", [])],
                    "message": str(error),
                }
            )
    json.dump(results, sys.stdout)
