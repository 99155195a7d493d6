/** Secrets that must show nowhere, and the search for them in whatever spelling. */
import { randomBytes } from "node:crypto";

export interface Canary {
  readonly name: string;
  readonly value: string;
}

/** Makes a secret that nothing else looks like. */
export function canary(name: string, before = ""): Canary {
  return { name, value: `${before}${randomBytes(18).toString("hex")}` };
}

/** How a text can stand in another one: as it is, in base64 (of any alignment), in hex, in a URL, in JSON. */
function spellings(value: string): string[] {
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.from(" ".repeat(shift) + value)
      .toString("base64")
      .replace(/=+$/, "");
    // what its neighbours have a part in says nothing
    return text.slice(Math.ceil((shift * 4) / 3), -2);
  });
  return [
    value,
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    Buffer.from(value).toString("hex"),
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
  ];
}

export interface Place {
  readonly name: string;
  readonly text: string;
}

/** Lists what was found where. */
export function findCanaries(canaries: readonly Canary[], places: readonly Place[]): string[] {
  return places.flatMap((place) =>
    canaries
      .filter(({ value }) => [...new Set(spellings(value))].some((spelling) => place.text.includes(spelling)))
      .map(({ name }) => `${name} in ${place.name}`),
  );
}
