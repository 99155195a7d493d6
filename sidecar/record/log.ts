/** Writes the process log (what the process does; decisions have their own log) through winston. */
import { Writable } from "node:stream";
import winston from "winston";

export const logLevels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];
export const logFormats = ["json", "json-pretty", "text"] as const;
export type LogFormat = (typeof logFormats)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** What the parts of the product log through. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface ProcessLogParts {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes one entry, newline included; stderr in main. */
  readonly write: (text: string) => void;
  readonly clock?: () => number;
}

const secretKey =
  /authorization|token|secret|password|passphrase|cookie|credential|bearer|api[-_]?key|private[-_]?key|jwt|^key$|prompt|arguments|claims|content|body/i;
/** A JWS or JWE in compact form, an authorization scheme with its value, URL user info, a PEM block, a provider key. */
const secretText =
  /eyJ[\w-]*\.[\w-]*(?:\.[\w-]*){0,3}|\b(?:bearer|basic|dpop)\s+[\w.~+/=-]+|(?<=:\/\/)[^\s/@]*@|-----BEGIN[^-]*-----[\s\S]*?(?:-----END[^-]*-----|$)|\bsk-[\w-]{8,}/gi;
const maxText = 2_000;
const maxItems = 50;
const maxDepth = 5;

/** Removes what looks like a credential from a text, and cuts it at 2,000 characters. */
export function scrubText(text: string): string {
  const short = text.length > maxText ? `${text.slice(0, maxText)}…` : text;
  return short.replace(secretText, "[removed]");
}

/** Copies a value for the log: bounded, credentials removed by key and by form, errors by name, code and message. */
export function scrub(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case "string":
      return scrubText(value);
    case "number":
    case "boolean":
    case "undefined":
      return value;
    case "object":
      break;
    default:
      return `[${typeof value}]`;
  }
  if (value === null) return null;
  if (depth >= maxDepth) return "[deeper]";
  if (Array.isArray(value)) return value.slice(0, maxItems).map((item) => scrub(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const out: Record<string, unknown> = {};
  if ("message" in value && "stack" in value) {
    // an error, also one of another realm
    for (const key of ["name", "code", "message"]) {
      const member: unknown = Reflect.get(value, key);
      if (typeof member === "string") out[key] = scrubText(member);
    }
    return out;
  }
  for (const key of Object.keys(value).slice(0, maxItems)) {
    out[scrubText(key)] = secretKey.test(key) ? "[removed]" : scrub(Reflect.get(value, key), depth + 1);
  }
  return out;
}

const reserved = new Set(["level", "message", "timestamp"]);

/**
 * Creates the process log: one JSON document or one line of text per entry.
 * Nothing logged can break a line: texts are written as JSON strings, or with control characters escaped.
 */
export function createProcessLog({ level, format, write, clock = Date.now }: ProcessLogParts): Log {
  const destination = new Writable({
    decodeStrings: false,
    write(chunk: unknown, _encoding, done) {
      write(String(chunk));
      done();
    },
  });
  const logger = winston.createLogger({
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    level,
    format: winston.format.printf((info) => print(format, info)),
    transports: [new winston.transports.Stream({ stream: destination, eol: "\n" })],
  });
  const at =
    (entryLevel: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (logLevels.indexOf(entryLevel) > logLevels.indexOf(level)) return;
      const clean: Record<string, unknown> = {};
      for (const [key, value] of Object.entries(scrub(fields) as LogFields)) {
        clean[reserved.has(key) ? `field_${key}` : key] = value;
      }
      logger.log({
        ...clean,
        level: entryLevel,
        message: scrubText(message),
        timestamp: new Date(clock()).toISOString(),
      });
    };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function print(format: LogFormat, info: winston.Logform.TransformableInfo): string {
  const { level, message, timestamp, ...fields } = info;
  if (format !== "text") {
    return JSON.stringify({ timestamp, level, message, ...fields }, null, format === "json" ? 0 : 2);
  }
  const tail = Object.entries(fields).map(([key, value]) => `${oneLine(key)}=${JSON.stringify(value)}`);
  return [String(timestamp), level.toUpperCase().padEnd(5), oneLine(String(message)), ...tail].join(" ");
}

/** Escapes control characters, line separators and terminal sequences. */
function oneLine(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
