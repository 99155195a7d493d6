import type { Json } from "../../../../sidecar/contract.js";
import type { CollectionConfig } from "../../config.js";
import { Facts, list, members, text, truth, unread } from "../strict.js";
import type { About, Read } from "./read-parts.js";
import { askOf, distinct, namespaceOf, readId, readMetadata, shown, takeNamespace } from "./read-parts.js";
import { readNumbers, readOwnFilter, readSparse } from "./read-values.js";

/** Reads vectors that are brought. */
export function readUpsert(value: Json | undefined, about: About): Read {
  const body = members(value, ["vectors", "namespace"], "the body");
  const facts = new Facts();
  const namespace = takeNamespace(body);
  const vectors = list(body["vectors"], "vectors").map((one) => {
    const vector = members(one, ["id", "values", "sparseValues", "metadata"], "a vector");
    if (vector["values"] !== undefined) readNumbers(vector["values"]);
    if (vector["sparseValues"] !== undefined) readSparse(vector["sparseValues"], facts);
    return vector;
  });
  const ids = distinct(vectors.map(({ id }) => readId(id)));
  return {
    ...{ body: { ...body, vectors }, shows: shown },
    ...(namespace === undefined ? {} : { namespace }),
    asks: [
      askOf(
        about,
        { action: "retrieval.write", effect: "write" },
        {
          namespace: namespaceOf(namespace),
          ids,
          documents: vectors.map(({ metadata }) => readMetadata(metadata)),
        },
      ),
    ],
  };
}

/** Reads a change of one record, or of those that a filter chooses. */
export function readUpdate(value: Json | undefined, about: About): Read {
  const known = ["id", "values", "sparseValues", "setMetadata", "namespace", "filter", "dryRun"];
  const body = members(value, known, "the body");
  const { id, filter, setMetadata } = body;
  if ((id === undefined) === (filter === undefined))
    return unread("invalid_request", "an update has an id or a filter");
  const facts = new Facts();
  const dry = body["dryRun"] !== undefined && truth(body["dryRun"], "dryRun");
  if (body["values"] !== undefined) readNumbers(body["values"]);
  if (body["sparseValues"] !== undefined) readSparse(body["sparseValues"], new Facts());
  const set = setMetadata === undefined ? undefined : readMetadata(setMetadata);
  const namespace = takeNamespace(body);
  const said = {
    ...{ body, shows: shown },
    ...(namespace === undefined ? {} : { namespace }),
  };
  const here = { namespace: namespaceOf(namespace) };
  if (id !== undefined) {
    if (dry) return unread("invalid_request", "dryRun is for a filter");
    const ids = [readId(id)];
    facts.kind("ids");
    const query = facts.tell(1);
    return {
      ...said,
      asks: [
        set === undefined
          ? askOf(about, { action: "retrieval.update", effect: "change" }, { ...here, ids, query })
          : // what isn't set stays: the whole is looked at
            askOf(
              about,
              { action: "retrieval.update", effect: "write" },
              { ...here, ids, query, documents: [set], merged: true },
            ),
      ],
    };
  }
  readOwnFilter(body, facts);
  // what they are before isn't known, so what they would be isn't either
  if (set !== undefined && Object.keys(set).some((name) => isRead(name, about.collection)))
    return unread("document_refused", "a field that policy reads is changed by id");
  return {
    ...said,
    asks: [
      askOf(
        about,
        dry
          ? { action: "retrieval.count", effect: "count" }
          : { action: "retrieval.update", effect: "change" },
        { ...here, query: facts.tell(0) },
      ),
    ],
  };
}

function isRead(name: string, collection: CollectionConfig | undefined): boolean {
  if (collection === undefined) return false;
  const read = [...[...collection.fields.values()].map(({ path }) => path.join(".")), ...collection.hidden];
  return read.some((path) => path === name || path.startsWith(`${name}.`) || name.startsWith(`${path}.`));
}

/** Reads a deletion. */
export function readDelete(value: Json | undefined, about: About): Read {
  const body = members(value, ["ids", "deleteAll", "namespace", "filter"], "the body");
  const facts = new Facts();
  const all = body["deleteAll"] !== undefined && truth(body["deleteAll"], "deleteAll");
  const empty = Array.isArray(body["ids"]) && body["ids"].length === 0;
  if (!all) delete body["deleteAll"];
  if (empty) delete body["ids"];
  if ([all, body["ids"] !== undefined, body["filter"] !== undefined].filter((one) => one).length !== 1)
    return unread("invalid_request", "a deletion has ids, a filter, or deleteAll");
  readOwnFilter(body, facts);
  const ids =
    body["ids"] === undefined ? undefined : list(body["ids"], "ids", 1_000).map((one) => readId(one));
  if (ids !== undefined) facts.kind("ids");
  const namespace = takeNamespace(body);
  return {
    ...{ body, shows: shown },
    ...(namespace === undefined ? {} : { namespace }),
    asks: [
      askOf(
        about,
        { action: "retrieval.delete", effect: "change" },
        {
          ...{ namespace: namespaceOf(namespace), query: facts.tell(ids?.length ?? 0) },
          ...(ids === undefined ? {} : { ids }),
        },
      ),
    ],
  };
}

/** One namespace: how many records it has, that there is one, that there is none any more. */
export function readNamespaces(value: Json | undefined, about: About): Read {
  const { handling, values } = about;
  if (handling === "create-namespace") {
    const body = members(value, ["name", "schema"], "the body");
    const namespace = text(body["name"], "name", 512);
    const ask = askOf(
      about,
      { action: "collection.update", effect: "manage" },
      { namespace: namespaceOf(namespace) },
    );
    return { body, namespace, shows: shown, asks: [ask] };
  }
  const namespace = values["namespace"] ?? "";
  const counts = handling === "describe-namespace";
  return {
    ...{ namespace, shows: shown },
    asks: [
      askOf(
        about,
        counts
          ? { action: "retrieval.count", effect: "count" }
          : { action: "retrieval.delete", effect: "change" },
        { namespace: namespaceOf(namespace), query: new Facts().tell(counts ? 1 : 0) },
      ),
    ],
  };
}
