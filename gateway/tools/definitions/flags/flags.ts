/** What is odd about a definition, as facts for policy: names of flags, never text. */
import type { JsonObject } from "../../../../sidecar/contract.js";
import { injection, secrets } from "../../../content/create-detectors.js";
import { isPlainName, latinOf } from "../names/name.js";
import { textsOf } from "./texts.js";

export const flagNames = [
  "chat_markup",
  "confusable_letters",
  "encoded_blob",
  "foreign_url",
  "hidden_characters",
  "instructions",
  "long_text",
  "markup",
  "mentions_other_tool",
  "odd_name",
  "secret",
  "sensitive_path",
] as const;
export type Flag = (typeof flagNames)[number];

/** Longer than what describes a tool well, characters. */
export const longText = 4_096;

/** Facts of one definition alone, and what is needed to find the rest. */
export interface Found {
  readonly flags: ReadonlySet<Flag>;
  /** Words in it that could be the name of a tool. */
  readonly words: ReadonlySet<string>;
}

/** What no eye sees, or only some programs do. Joiners are part of emoji and of many scripts, but not of what is beside ASCII. */
const hidden =
  /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\u3164\uFE00-\uFE0E\uFEFF\uFFA0\uFFF0-\uFFFB]|\uFE0F{2}|(?<![^\0-\x7F])[\u200C\u200D]|[\u200C\u200D](?![^\0-\x7F])|[\uE000-\uF8FF]|[\u{E0000}-\u{E0FFF}\u{F0000}-\u{10FFFF}\u{1D173}-\u{1D17A}]/u;
const invisible = /[\p{Cf}\p{Co}\u034F\u115F\u1160\u3164\uFFA0\uFE00-\uFE0F\u{E0100}-\u{E01EF}]/gu;

/** Words that steer a model rather than say what a tool does. */
const orders: readonly RegExp[] = [
  /<\/?(?:important|secret|hidden|critical|instructions?|assistant|user|thinking)>/i,
  /\b(?:before|prior to|after|when|whenever|instead of) (?:using|calling|invoking|running) (?:this|any|every|all|other|another|the)\b/i,
  /\b(?:do not|don't|never|must not) (?:\w{1,12} ){0,3}?(?:mention|tell|inform|reveal|disclose|show|notify|alert|explain)\b/i,
  /\b(?:always|must|should|first|required to) (?:\w{1,12} ){0,3}?(?:call|invoke|use|run|read|send|include|pass|forward) (?:\w{1,12} ){0,3}?(?:this tool|first|before|contents?|file|conversation|history|system prompt|api keys?|credentials?|passwords?)\b/i,
  /\b(?:system prompt|conversation history|chat history|previous messages|side ?note)\b/i,
  /\b(?:this tool|it) (?:overrides|replaces|supersedes|takes precedence)\b/i,
  /\b(?:ignore|disregard|override) (?:\w{1,12} ){0,4}?(?:tools?|servers?|instructions?|rules)\b/i,
];

const paths =
  /~\/\.[a-z]|\/etc\/(?:passwd|shadow|sudoers)|\bid_(?:rsa|ed25519|ecdsa)\b|\.ssh\b|\.aws\/credentials|\.env\b|\bmcp\.json\b|\.kube\/config|\.netrc\b|\/proc\/self|\.git-credentials\b|\.npmrc\b|\.gnupg\b/i;
const markup =
  /!\[[^\]]{0,200}\]\(|<(?:img|script|iframe|svg|object|embed|link|style|a|form|meta)\b|<!--|\bjavascript:|\bdata:[a-z]{1,20}\//i;
const blob =
  /[A-Za-z0-9+/_-]{120,}={0,2}|(?:[0-9a-f]{2}){60,}|(?:\\x[0-9a-f]{2}){16,}|(?:%[0-9a-f]{2}){16,}/i;
const url = /\b(?:https?|wss?|ftp):\/\/([^\s/?#"'<>)\]}\\]{1,255})/gi;
const confusable = /[\uFF01-\uFF5E\u{1D400}-\u{1D7FF}\u{24B6}-\u{24E9}]/u;
const mixed =
  /\p{Script=Latin}[\p{Script=Cyrillic}\p{Script=Greek}]|[\p{Script=Cyrillic}\p{Script=Greek}]\p{Script=Latin}/gu;
const token = /[A-Za-z0-9_./-]+/g;
/** A word that is more likely a name than a word: of parts, or with a capital within. */
const identifier = /[A-Za-z0-9][_./-]+[A-Za-z0-9]|[a-z0-9][A-Z]/;
/** A server's name, what stands between, and a tool's. */
const longestIdentifier = 260;
const mostWords = 2_000;
/** Too short to be anything but a word. */
const word = /^[A-Za-z]{1,16}$/;

/** Finds what is odd about one definition. @param host the server's own; undefined: it has none */
export function findFlags(name: string, tool: JsonObject, host: string | undefined): Found {
  const flags = new Set<Flag>();
  const words = new Set<string>();
  if (!isPlainName(name)) flags.add("odd_name");
  for (const text of textsOf(tool)) {
    if (word.test(text)) continue;
    if (text.length > longText) flags.add("long_text");
    if (hidden.test(text)) flags.add("hidden_characters");
    if (confusable.test(text) || isMixed(text)) flags.add("confusable_letters");
    // what is written with tricks is read without them, too
    const seen = plainText(text);
    for (const one of seen === text ? [text] : [text, seen]) readText(one, host, flags);
    for (const [found] of seen.matchAll(token)) {
      // at the end of a sentence
      const one = found.replace(/[./-]{1,3}$/, "");
      if (one.length <= longestIdentifier && words.size < mostWords && identifier.test(one)) words.add(one);
    }
  }
  words.delete(name);
  return { flags, words };
}

function readText(text: string, host: string | undefined, flags: Set<Flag>): void {
  const { counts } = injection.scan(text, 0, text.length, "tool");
  if (counts["instruction_phrase"] !== undefined || orders.some((order) => order.test(text)))
    flags.add("instructions");
  if (counts["chat_markup"] !== undefined) flags.add("chat_markup");
  if (Object.keys(secrets.scan(text, 0, text.length, "tool").counts).length > 0) flags.add("secret");
  if (paths.test(text)) flags.add("sensitive_path");
  if (markup.test(text)) flags.add("markup");
  if (blob.test(text)) flags.add("encoded_blob");
  for (const [, authority = ""] of text.matchAll(url)) {
    if (hostOf(authority) !== host) flags.add("foreign_url");
  }
}

/** Reads a text as an eye would: without what can't be seen, each letter as the Latin one that it looks like. */
function plainText(text: string): string {
  if (/^[\u0000-\u007F]*$/.test(text)) return text.replace(/\s+/g, " ");
  return text
    .normalize("NFKC")
    .replace(invisible, "")
    .replace(/[\p{Script=Cyrillic}\p{Script=Greek}]/gu, (letter) => latinOf(letter) ?? letter)
    .replace(/\s+/g, " ");
}

/** Whether a letter that looks like a Latin one stands beside a Latin one. */
function isMixed(text: string): boolean {
  return (text.match(mixed) ?? []).some((pair) =>
    [...pair].some((letter) => !/\p{Script=Latin}/u.test(letter) && latinOf(letter) !== undefined),
  );
}

function hostOf(authority: string): string {
  // what stands before an @ is not the host
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  return host
    .replace(/[.,;:]+$/, "")
    .replace(/:\d{1,5}$/, "")
    .toLowerCase();
}
