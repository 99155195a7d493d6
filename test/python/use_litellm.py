"""LiteLLM as a client: what it calls OpenAI's and Anthropic's providers is the gateway."""

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from report import ALLOWED, DENIED, QUESTION, URL, run

litellm.suppress_debug_info = True
litellm.telemetry = False


def ask(token, stream=False):
    return litellm.completion(
        model="openai/gpt-4o", messages=QUESTION, api_base=f"{URL}/v1", api_key=token, stream=stream, num_retries=0
    )


def plain(token):
    return ask(token).choices[0].message.content


def streamed(token):
    return "".join(chunk.choices[0].delta.content or "" for chunk in ask(token, True))


run(
    ("plain, allowed", lambda: plain(ALLOWED)),
    ("streamed, allowed", lambda: streamed(ALLOWED)),
    ("plain, denied", lambda: plain(DENIED)),
    ("streamed, denied", lambda: streamed(DENIED)),
    ("unknown, denied", lambda: plain("not-a-token")),
)
