import type { ActionName } from "../../../../sidecar/contract.js";
import type { Effect, StoreAsk } from "../../adapter.js";
import type { CollectionConfig, StoreConfig } from "../../config.js";
import type { ChromaOperation, Deed, Place } from "./operation.js";
import { placeOf } from "./settings.js";

/** What a route is about, before its body is read. */
export interface Target {
  readonly route: string;
  readonly place: Place;
  readonly namespace?: string;
  /** The collection's name, or the id that a client knows it by. */
  readonly named: string;
  readonly collection?: CollectionConfig;
}

/** Makes the ask about a target's collection; one that has no parts must be where the store's are. */
export function askOf(
  target: Target,
  action: ActionName,
  effect: Effect,
  store: StoreConfig,
  more: Partial<StoreAsk> = {},
): StoreAsk {
  const { collection, namespace, named, place } = target;
  const own = placeOf(store, undefined);
  const home = place.tenant === own.tenant && place.database === own.database;
  const parted = collection?.namespaceField !== undefined;
  const known = collection !== undefined && (parted || home) ? collection : undefined;
  return {
    ...{ action, effect, name: collection?.name ?? named },
    ...(known === undefined ? {} : { collection: known }),
    ...(namespace !== undefined && (parted || collection === undefined) ? { namespace } : {}),
    ...more,
  };
}

/** Makes an operation of one ask or more. */
export function operationOf(target: Target, asks: readonly StoreAsk[], deed: Deed): ChromaOperation {
  const collection = asks[0]?.collection;
  return {
    ...{ kind: "operation", route: target.route, place: target.place, asks, deed },
    ...(collection === undefined ? {} : { collection }),
  };
}
