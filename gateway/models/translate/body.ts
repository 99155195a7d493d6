/** Strict reading of a protocol's JSON: each field is taken once, and what nobody took is untranslatable. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, JsonNumber } from "../../../sidecar/contract.js";
import { Untranslatable } from "./canonical.js";

export class Body {
  private readonly left: Set<string>;

  private constructor(
    private readonly object: JsonObject,
    readonly place: string,
  ) {
    this.left = new Set(Object.keys(object));
  }

  /** @throws Untranslatable where it is no object */
  static of(value: Json | undefined, place: string): Body {
    if (!isObject(value)) throw new Untranslatable(place);
    return new Body(value, place);
  }

  at(name: string): string {
    // a name that a caller chose must not become part of a message
    const plain = /^[\w-]{1,64}$/.test(name) ? name : "a field";
    return this.place === "" ? plain : `${this.place}.${plain}`;
  }

  /** Takes a field; null is as good as absent, as clients send it. */
  take(name: string): Json | undefined {
    this.left.delete(name);
    const value = Object.hasOwn(this.object, name) ? this.object[name] : undefined;
    return value === null ? undefined : value;
  }

  text(name: string): string | undefined {
    const value = this.take(name);
    if (value === undefined || typeof value === "string") return value;
    throw new Untranslatable(this.at(name));
  }

  required(name: string): string {
    const value = this.text(name);
    if (value === undefined) throw new Untranslatable(this.at(name));
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.take(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw new Untranslatable(this.at(name));
  }

  count(name: string): number | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
    throw new Untranslatable(this.at(name));
  }

  /** A number as it came. */
  number(name: string): number | JsonNumber | undefined {
    const value = this.take(name);
    if (value === undefined || typeof value === "number" || value instanceof JsonNumber) return value;
    throw new Untranslatable(this.at(name));
  }

  list(name: string): readonly Json[] | undefined {
    const value = this.take(name);
    if (value === undefined || Array.isArray(value)) return value;
    throw new Untranslatable(this.at(name));
  }

  members(name: string): JsonObject | undefined {
    const value = this.take(name);
    if (value === undefined || isObject(value)) return value;
    throw new Untranslatable(this.at(name));
  }

  nested(name: string): Body | undefined {
    const value = this.take(name);
    return value === undefined ? undefined : Body.of(value, this.at(name));
  }

  items(name: string): Body[] | undefined {
    return this.list(name)?.map((item, i) => Body.of(item, `${this.at(name)}[${i}]`));
  }

  oneOf<T extends string>(name: string, words: readonly T[]): T | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    const word = words.find((known) => known === value);
    if (word === undefined) throw new Untranslatable(this.at(name));
    return word;
  }

  /** Takes a field that means nothing at one of these values, and has no counterpart at any other. */
  onlyAt(name: string, ...values: readonly Json[]): void {
    const value = this.take(name);
    if (value !== undefined && !values.includes(value)) throw new Untranslatable(this.at(name));
  }

  /** @throws Untranslatable with the first field that was not taken */
  end(): void {
    for (const name of this.left) throw new Untranslatable(this.at(name));
  }
}
