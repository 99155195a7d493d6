/** Messages of PostgreSQL's protocol that are read and written (PostgreSQL manual, 55.7). */
import type { Value } from "../sql/values.js";
import { Cursor, cstring, frame, int16, int32, sized } from "./frames.js";

export interface Parse {
  readonly name: string;
  readonly sql: string;
  /** 0: the server is to find out. */
  readonly types: readonly number[];
}

export interface Bind {
  readonly portal: string;
  readonly statement: string;
  readonly values: readonly Value[];
  /** 0: text, 1: binary. */
  readonly formats: readonly number[];
}

/** @throws BadFrame */
export function readParse(body: Buffer): Parse {
  const cursor = new Cursor(body);
  const [name, sql] = [cursor.text(), cursor.text()];
  const types = Array.from({ length: cursor.int16() }, () => cursor.int32());
  cursor.end();
  return { name, sql, types };
}

/** @throws BadFrame */
export function readBind(body: Buffer): Bind {
  const cursor = new Cursor(body);
  const [portal, statement] = [cursor.text(), cursor.text()];
  const codes = Array.from({ length: cursor.int16() }, () => cursor.int16());
  const values = Array.from({ length: cursor.int16() }, () => cursor.value());
  const formats = Array.from({ length: cursor.int16() }, () => cursor.int16());
  cursor.end();
  return {
    ...{ portal, statement, formats },
    values: values.map((bytes, i) => ({
      bytes,
      binary: (codes.length === 1 ? codes[0] : (codes[i] ?? 0)) === 1,
    })),
  };
}

/** Of Describe and Close: `S` a statement, `P` a portal. @throws BadFrame */
export function readNamed(body: Buffer): { readonly what: string; readonly name: string } {
  const cursor = new Cursor(body);
  const what = String.fromCharCode(cursor.byte());
  const name = cursor.text();
  cursor.end();
  return { what, name };
}

/** @throws BadFrame */
export function readExecute(body: Buffer): { readonly portal: string; readonly most: number } {
  const cursor = new Cursor(body);
  const portal = cursor.text();
  const most = cursor.int32();
  cursor.end();
  return { portal, most };
}

export const writeParse = (sql: string, types: readonly number[] = []): Buffer =>
  frame("P", cstring(""), cstring(sql), int16(types.length), ...types.map(int32));

export const writeBind = (values: readonly Value[], formats: readonly number[] = []): Buffer =>
  frame(
    "B",
    ...[cstring(""), cstring("")],
    ...[int16(values.length), ...values.map(({ binary }) => int16(binary ? 1 : 0))],
    ...[int16(values.length), ...values.map(({ bytes }) => sized(bytes))],
    ...[int16(formats.length), ...formats.map(int16)],
  );

export const writeExecute = frame("E", cstring(""), int32(0));
export const writeDescribe = (what: "S" | "P"): Buffer => frame("D", Buffer.from(what), cstring(""));
export const writeSync = frame("S");

export const readyForQuery = (status: string): Buffer => frame("Z", Buffer.from(status));
export const commandComplete = (tag: string): Buffer => frame("C", cstring(tag));
export const parameterStatus = (name: string, value: string): Buffer =>
  frame("S", cstring(name), cstring(value));

/** A column of an answer. */
export interface Field {
  readonly name: string;
  readonly type: number;
  readonly size: number;
  readonly modifier: number;
  readonly format: number;
}

/** INVARIANT: which table a column is of isn't told on. @throws BadFrame */
export function readRowDescription(body: Buffer): Field[] {
  const cursor = new Cursor(body);
  const fields = Array.from({ length: cursor.int16() }, () => {
    const name = cursor.text();
    cursor.bytes(6);
    return {
      name,
      ...{ type: cursor.int32(), size: cursor.int16(), modifier: cursor.int32(), format: cursor.int16() },
    };
  });
  cursor.end();
  return fields;
}

export const rowDescription = (fields: readonly Field[]): Buffer =>
  frame(
    "T",
    int16(fields.length),
    ...fields.flatMap(({ name, type, size, modifier, format }) => [
      ...[cstring(name), int32(0), int16(0), int32(type), int16(size), int32(modifier), int16(format)],
    ]),
  );

/** @throws BadFrame */
export function readRow(body: Buffer): (Buffer | null)[] {
  const cursor = new Cursor(body);
  const values = Array.from({ length: cursor.int16() }, () => cursor.value());
  cursor.end();
  return values;
}

export const dataRow = (values: readonly (Buffer | null)[]): Buffer =>
  frame("D", int16(values.length), ...values.map(sized));

/** @throws BadFrame */
export function readParameters(body: Buffer): number[] {
  const cursor = new Cursor(body);
  const types = Array.from({ length: cursor.int16() }, () => cursor.int32());
  cursor.end();
  return types;
}

export const parameterDescription = (types: readonly number[]): Buffer =>
  frame("t", int16(types.length), ...types.map(int32));

/** Fields of an error or a notice, by their letters. @throws BadFrame */
export function readFields(body: Buffer): ReadonlyMap<string, string> {
  const cursor = new Cursor(body);
  const fields = new Map<string, string>();
  for (;;) {
    const letter = cursor.byte();
    if (letter === 0) return fields;
    fields.set(String.fromCharCode(letter), cursor.text());
  }
}

/** Writes an error (`E`) or a notice (`N`). */
export function writeFields(type: "E" | "N", fields: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(fields).flatMap(([letter, text]) => [Buffer.from(letter), cstring(text)]);
  return frame(type, ...parts, Buffer.from([0]));
}
