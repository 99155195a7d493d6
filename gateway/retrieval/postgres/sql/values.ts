import type { Node } from "./nodes.js";
import { param } from "./nodes.js";

/** A parameter's value as the protocol has it: text unless `binary`. */
export interface Value {
  readonly bytes: Buffer | null;
  readonly binary: boolean;
}

/** The values that the gateway binds beside a statement's own: behind them, as parameters. */
export class Values {
  readonly list: Value[] = [];
  /** @param own how many the statement has */
  constructor(readonly own: number) {}

  /** Gives the parameter that stands for a value; null is NULL. */
  add(value: string | null): Node {
    return this.take({ bytes: value === null ? null : Buffer.from(value), binary: false });
  }

  take(value: Value): Node {
    this.list.push(value);
    return param(this.own + this.list.length);
  }
}

/** Writes an array's text form (PostgreSQL manual, 8.15.6): each element quoted. */
export function arrayText(values: readonly string[]): string {
  return `{${values.map((one) => `"${one.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
