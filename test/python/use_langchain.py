"""LangChain's chat model on OpenAI's client."""

from langchain_openai import ChatOpenAI
from report import ALLOWED, DENIED, URL, run


def model(token):
    return ChatOpenAI(model="gpt-4o", api_key=token, base_url=f"{URL}/v1", max_retries=0)


def streamed(token):
    return "".join(piece.content for piece in model(token).stream("hello"))


run(
    ("plain, allowed", lambda: model(ALLOWED).invoke("hello").content),
    ("streamed, allowed", lambda: streamed(ALLOWED)),
    ("plain, denied", lambda: model(DENIED).invoke("hello")),
    ("streamed, denied", lambda: streamed(DENIED)),
    ("unknown, denied", lambda: model("not-a-token").invoke("hello")),
)
