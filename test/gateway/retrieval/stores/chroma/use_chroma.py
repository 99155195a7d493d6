"""Chroma's client, and LangChain's and LlamaIndex's retrievers over it, as anybody would use them; tells what came of it."""

import json
import os
import sys

import chromadb
from chromadb.config import Settings


def embed(text):
    """As the documents of handbook.ts are: by their tenant, what is secret a little apart."""
    return [0.9 if "secret" in text else float("acme" in text), float("beta" in text)]


class Embed(chromadb.EmbeddingFunction):
    def __init__(self):
        pass

    def __call__(self, input):
        return [embed(text) for text in input]

    @staticmethod
    def name():
        return "lab"

    def get_config(self):
        return {}

    @staticmethod
    def build_from_config(config):
        return Embed()


client = chromadb.HttpClient(
    host=os.environ["STORE_URL"],
    headers={"authorization": "Bearer " + os.environ["TOKEN"]},
    settings=Settings(anonymized_telemetry=False),
)


def attempt(do):
    try:
        return do()
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


def use_client():
    handbook = client.get_collection("handbook", embedding_function=Embed())
    found = handbook.query(query_texts=["acme secret", "beta"], n_results=2, where={"level": {"$gte": 1}})
    got = handbook.get(where_document={"$contains": "e"}, include=["documents"])
    before = handbook.count()
    handbook.add(ids=["p1"], documents=["acme from Python"], metadatas=[{"tenant": "acme", "level": 2}])
    handbook.upsert(ids=["p1"], documents=["acme again"], metadatas=[{"level": 3}])
    handbook.update(ids=["p1"], metadatas=[{"note": "x"}])
    written = handbook.get(ids=["p1"])
    taken = attempt(lambda: handbook.upsert(ids=["b1"], documents=["acme"], metadatas=[{"tenant": "acme"}]))
    stranger = attempt(lambda: handbook.add(ids=["p2"], documents=["x"], metadatas=[{"tenant": "beta"}]))
    handbook.delete(ids=["p1"])
    return {
        "heartbeat": client.heartbeat() > 0,
        "collections": sorted(one.name for one in client.list_collections()),
        "counted": client.count_collections(),
        "found": {"ids": found["ids"], "documents": found["documents"], "tenants": [[one["tenant"] for one in row] for row in found["metadatas"]]},
        "got": {"ids": got["ids"], "metadatas": got["metadatas"]},
        "count": [before, handbook.count()],
        "peek": handbook.peek(limit=1)["ids"],
        "written": {"documents": written["documents"], "metadatas": written["metadatas"]},
        "taken": taken,
        "stranger": stranger,
        "unknown": attempt(lambda: client.get_collection("others").name),
        "reset": attempt(client.reset),
    }


def use_langchain():
    from langchain_chroma import Chroma
    from langchain_core.embeddings import Embeddings

    class Lab(Embeddings):
        def embed_documents(self, texts):
            return [embed(text) for text in texts]

        def embed_query(self, text):
            return embed(text)

    store = Chroma(client=client, collection_name="handbook", embedding_function=Lab())
    retriever = store.as_retriever(search_kwargs={"k": 3, "filter": {"tenant": {"$in": ["acme", "beta"]}}})
    ids = store.add_texts(["acme by LangChain"], metadatas=[{"tenant": "acme"}])
    found = retriever.invoke("beta")
    scored = store.similarity_search_with_score("acme", k=10)
    store.delete(ids=ids)
    return {
        "found": sorted(one.page_content for one in found),
        "tenants": sorted({one.metadata.get("tenant") for one in found}),
        "scored": len(scored),
    }


def use_llama():
    from llama_index.core import VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.vector_stores import ExactMatchFilter, MetadataFilters
    from llama_index.vector_stores.chroma import ChromaVectorStore

    class Lab(BaseEmbedding):
        def _get_query_embedding(self, query):
            return embed(query)

        async def _aget_query_embedding(self, query):
            return embed(query)

        def _get_text_embedding(self, text):
            return embed(text)

    collection = client.get_or_create_collection("handbook", embedding_function=Embed())
    index = VectorStoreIndex.from_vector_store(ChromaVectorStore(chroma_collection=collection), embed_model=Lab())
    everything = index.as_retriever(similarity_top_k=5).retrieve("beta")
    one = MetadataFilters(filters=[ExactMatchFilter(key="level", value=5)])
    return {
        "found": sorted(node.text for node in everything),
        "filtered": [node.text for node in index.as_retriever(similarity_top_k=5, filters=one).retrieve("acme")],
    }


uses = {"client": use_client, "langchain": use_langchain, "llama": use_llama}
json.dump({name: attempt(use) for name, use in uses.items() if name in sys.argv[1:]}, sys.stdout)
