import type { JsonObject } from "../../../sidecar/contract.js";
import type { ListenFilter } from "./link.js";

/** Which part of a filter asks for a notification. */
const listChanges: Readonly<
  Record<string, "toolsListChanged" | "promptsListChanged" | "resourcesListChanged">
> = {
  "notifications/tools/list_changed": "toolsListChanged",
  "notifications/prompts/list_changed": "promptsListChanged",
  "notifications/resources/list_changed": "resourcesListChanged",
};

/** Tells whether a subscription's notification is one that was asked for: a server may send no other. */
export function wasAskedFor(filter: ListenFilter, method: string, { uri }: JsonObject): boolean {
  if (method === "notifications/resources/updated") {
    // of a resource, or of one within it
    return (
      typeof uri === "string" &&
      filter.resourceSubscriptions?.some(
        (one) => uri === one || uri.startsWith(`${one.replace(/\/$/, "")}/`),
      ) === true
    );
  }
  const part = Object.hasOwn(listChanges, method) ? listChanges[method] : undefined;
  return part !== undefined && filter[part] === true;
}
