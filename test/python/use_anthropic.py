"""Anthropic's own client: messages."""

from anthropic import Anthropic
from report import ALLOWED, DENIED, QUESTION, URL, run

ASK = {"model": "claude-sonnet", "max_tokens": 64, "messages": QUESTION}


def client(token):
    return Anthropic(auth_token=token, api_key=None, base_url=URL, max_retries=0)


def plain(token):
    return client(token).messages.create(**ASK).content[0].text


def streamed(token):
    with client(token).messages.stream(**ASK) as stream:
        return "".join(stream.text_stream)


run(
    ("plain, allowed", lambda: plain(ALLOWED)),
    ("streamed, allowed", lambda: streamed(ALLOWED)),
    ("plain, denied", lambda: plain(DENIED)),
    ("streamed, denied", lambda: streamed(DENIED)),
    ("unknown, denied", lambda: plain("not-a-token")),
)
