"""Serves the routes of Milvus's RESTful API v2 that tests use, over Milvus Lite: its filter language is the real one.

Prints its address; ends with its standard input. What the server does beside (texts of 64-bit numbers, JSON columns as
texts, `topks`) is done as the server's own handlers do it (milvus, internal/distributed/proxy/httpserver).
"""
import json
import logging
import os
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# few rows: threads cost more than they bring
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_IO_THREADS"):
    os.environ.setdefault(name, "1")
from pymilvus import DataType, MilvusClient  # noqa: E402
from pymilvus.exceptions import MilvusException  # noqa: E402

logging.disable(logging.CRITICAL)
folder = tempfile.TemporaryDirectory()
client = MilvusClient(os.path.join(folder.name, "lite.db"))
schemas = {}
lock = threading.Lock()

TYPES = {
    "bool": DataType.BOOL, "int8": DataType.INT8, "int16": DataType.INT16, "int32": DataType.INT32,
    "int64": DataType.INT64, "float": DataType.FLOAT, "double": DataType.DOUBLE, "varchar": DataType.VARCHAR,
    "json": DataType.JSON, "array<varchar>": DataType.ARRAY, "float_vector": DataType.FLOAT_VECTOR,
}


def create(body):
    """Test kit's own: `{collectionName, schema: {column: type}, primary, dynamic, dimension, rows, partitions}`."""
    name, columns, primary = body["collectionName"], body["schema"], body.get("primary", "id")
    if client.has_collection(name):
        client.drop_collection(name)
    schema = client.create_schema(auto_id=False, enable_dynamic_field=body.get("dynamic", False))
    index = client.prepare_index_params()
    for column, kind in columns.items():
        more = {}
        if kind == "varchar":
            more = {"max_length": 4096}
        if kind == "array<varchar>":
            more = {"element_type": DataType.VARCHAR, "max_capacity": 64, "max_length": 1024}
        if kind == "float_vector":
            more = {"dim": body.get("dimension", 2)}
            index.add_index(column, metric_type="L2", index_type="FLAT")
        elif column != primary:
            more["nullable"] = True
        schema.add_field(column, TYPES[kind], is_primary=column == primary, **more)
    client.create_collection(name, schema=schema, index_params=index, consistency_level="Strong")
    schemas[name] = {"columns": columns, "primary": primary}
    for partition in body.get("partitions", []):
        client.create_partition(name, partition)
    for row in body.get("rows", []):
        row = dict(row)
        partition = row.pop("$partition", None)
        client.insert(name, [row], **({"partition_name": partition} if partition else {}))
    return {}


def write_row(row, name, numbers):
    out = {}
    columns = schemas[name]["columns"]
    for key, value in dict(row).items():
        kind = columns.get(key)
        if kind == "json" and value is not None:
            value = json.dumps(value)
        if kind == "int64" and value is not None and not numbers:
            value = str(value)
        if kind == "float_vector":
            value = [float(one) for one in value]
        if kind == "array<varchar>" and value is not None:
            value = list(value)
        out[key] = value
    return out


def read_rows(body):
    columns = schemas[body["collectionName"]]["columns"]
    rows = []
    for row in body["data"]:
        row = dict(row)
        for key, value in row.items():
            if columns.get(key) == "json" and isinstance(value, str):
                row[key] = json.loads(value)
            if columns.get(key) == "int64" and isinstance(value, str):
                row[key] = int(value)
        rows.append(row)
    return rows


def partitions(body):
    return {"partition_names": body["partitionNames"]} if body.get("partitionNames") else {}


def search(body, numbers):
    name = body["collectionName"]
    params = {}
    if "searchParams" in body:
        params = {"search_params": {"params": body["searchParams"].get("params", {})}}
    grouped = {"group_by_field": body["groupingField"]} if body.get("groupingField") else {}
    found = client.search(
        name, data=body["data"], anns_field=body.get("annsField", ""), filter=body.get("filter", ""),
        limit=body.get("limit", 100), offset=body.get("offset", 0), output_fields=body.get("outputFields", []),
        **params, **grouped, **partitions(body),
    )
    return flat(found, name, numbers)


def flat(found, name, numbers):
    data, topks = [], []
    primary = schemas[name]["primary"]
    for hits in found:
        topks.append(len(hits))
        for hit in hits:
            row = write_row(hit["entity"], name, numbers)
            identity = hit.get(primary, hit.get("id"))
            row[primary] = identity if numbers or isinstance(identity, str) else str(identity)
            row["distance"] = float(hit["distance"])
            data.append(row)
    return {"code": 0, "cost": 6, "data": data, "topks": topks}


def hybrid(body, numbers):
    from pymilvus import AnnSearchRequest, RRFRanker

    parts = [
        AnnSearchRequest(
            data=one["data"], anns_field=one["annsField"], param={"metric_type": "L2"},
            limit=one.get("limit", body.get("limit", 100)), expr=one.get("filter", "") or None,
        )
        for one in body["search"]
    ]
    found = client.hybrid_search(
        body["collectionName"], reqs=parts, ranker=RRFRanker(), limit=body.get("limit", 100),
        output_fields=body.get("outputFields", []), **partitions(body),
    )
    return flat(found, body["collectionName"], numbers)


def query(body, numbers):
    name = body["collectionName"]
    outputs = body.get("outputFields", ["*"])
    bounds = {} if outputs == ["count(*)"] else {"limit": body.get("limit", 100), "offset": body.get("offset", 0)}
    rows = client.query(
        name, filter=body.get("filter", ""), output_fields=outputs, **bounds, **partitions(body),
    )
    if outputs == ["count(*)"]:
        return {"code": 0, "cost": 0, "data": [{"count(*)": rows[0]["count(*)"]}]}
    return {"code": 0, "cost": 0, "data": [write_row(row, name, numbers) for row in rows]}


def entities(action, body, numbers):
    name = body["collectionName"]
    into = {"partition_name": body["partitionName"]} if body.get("partitionName") else {}
    if action == "search":
        return search(body, numbers)
    if action in ("hybrid_search", "advanced_search"):
        return hybrid(body, numbers)
    if action == "query":
        return query(body, numbers)
    if action in ("insert", "upsert"):
        rows = read_rows(body)
        (client.insert if action == "insert" else client.upsert)(name, rows, **into)
        ids = [row[schemas[name]["primary"]] for row in rows]
        return {"code": 0, "cost": 0, "data": {f"{action}Count": len(rows), f"{action}Ids": ids}}
    if action == "delete":
        client.delete(name, filter=body["filter"], **into)
        return {"code": 0, "cost": 0, "data": {}}
    raise KeyError(action)


def collections(action, body):
    if action == "list":
        return {"code": 0, "data": client.list_collections()}
    name = body["collectionName"]
    if action == "has":
        return {"code": 0, "data": {"has": client.has_collection(name)}}
    if action == "get_stats":
        return {"code": 0, "data": {"rowCount": client.get_collection_stats(name)["row_count"]}}
    if action == "describe":
        fields = [{"name": key, "type": kind} for key, kind in schemas[name]["columns"].items()]
        return {"code": 0, "data": {"collectionName": name, "fields": fields}}
    if action == "drop":
        client.drop_collection(name)
        return {"code": 0, "data": {}}
    raise KeyError(action)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or b"{}")
        numbers = self.headers.get("Accept-Type-Allow-Int64", "false") == "true"
        try:
            with lock:
                answer = self.answer(body, numbers)
        except MilvusException as error:
            answer = {"code": error.code or 65535, "message": str(error)}
        except KeyError:
            self.send_error(404)
            return
        except Exception as error:  # a test sees what went wrong
            answer = {"code": 65535, "message": repr(error)}
        said = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def answer(self, body, numbers):
        if self.path == "/kit/create":
            return create(body)
        _, version, api, category, action = self.path.split("/", 4)
        if (version, api) != ("v2", "vectordb"):
            raise KeyError(self.path)
        if category == "entities":
            return entities(action, body, numbers)
        if category == "collections":
            return collections(action, body)
        raise KeyError(self.path)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
sys.stdin.read()
server.shutdown()
client.close()
os._exit(0)
