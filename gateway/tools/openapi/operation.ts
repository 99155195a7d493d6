/** An OpenAPI document as it is served: what can be asked for, and as which tool. */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import type { Shape } from "./shape.js";
import type { Template } from "./template.js";

export const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
export type Method = (typeof methods)[number];

export type Style = "simple" | "form" | "spaceDelimited" | "pipeDelimited" | "deepObject" | "json";

export interface Parameter {
  /** The member of the arguments that it is. */
  readonly key: string;
  /** Its name in the request; a header's in lower case. */
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly style: Style;
  readonly explode: boolean;
  readonly shape: Shape;
}

export interface Body {
  /** The member of the arguments that it is. */
  readonly key: string;
  readonly required: boolean;
  readonly contentType: string;
  /** Of a form (`application/x-www-form-urlencoded`): its members by name; absent: JSON. */
  readonly form?: ReadonlyMap<string, Shape>;
}

export interface Operation {
  readonly id: string;
  /** The name as a tool. */
  readonly tool: string;
  readonly method: Method;
  readonly template: Template;
  readonly parameters: readonly Parameter[];
  readonly body?: Body;
  /** What `accept` says. */
  readonly accept: string;
  /** Media types of an answer that the document names, lower-case; of no content, none. */
  readonly declared: (status: number) => ReadonlySet<string>;
  /** As MCP lists it. */
  readonly definition: JsonObject;
  /** Says what is wrong with arguments, by place and never by value; undefined: nothing. */
  readonly check: (args: JsonObject) => string | undefined;
  /** The same of the object that an answer is; undefined where the document doesn't say what it is, too. */
  readonly checkResult: (structured: Json | undefined) => string | undefined;
}

/** One path of the document, with what is offered of it; also those without anything are known, so that no other takes theirs. */
export interface Path {
  readonly template: Template;
  readonly operations: ReadonlyMap<string, Operation>;
}

export interface Api {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  readonly paths: readonly Path[];
  readonly tools: ReadonlyMap<string, Operation>;
  /** Operations that are listed, and can't be offered; with the reason. */
  readonly leftOut: readonly { readonly operation: string; readonly why: string }[];
}

/** A member of the arguments, none of a prototype's. */
export function argument(args: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(args, key) ? args[key] : undefined;
}
