"""OpenAI's own client: chat completions and responses."""

from openai import OpenAI
from report import ALLOWED, DENIED, QUESTION, URL, run


def client(token):
    return OpenAI(api_key=token, base_url=f"{URL}/v1", max_retries=0)


def plain(token):
    answer = client(token).chat.completions.create(model="gpt-4o", messages=QUESTION)
    return answer.choices[0].message.content


def streamed(token):
    stream = client(token).chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def listed(token):
    return " ".join(sorted(model.id for model in client(token).models.list()))


run(
    ("plain, allowed", lambda: plain(ALLOWED)),
    ("streamed, allowed", lambda: streamed(ALLOWED)),
    ("plain, denied", lambda: plain(DENIED)),
    ("streamed, denied", lambda: streamed(DENIED)),
    ("unknown, denied", lambda: plain("not-a-token")),
    ("models", lambda: listed(DENIED)),
)
