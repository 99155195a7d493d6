/** Finds addresses, paths, commands and code in what a tool is called with. */
import type { Json } from "../../../sidecar/contract.js";
import type { CodeFacts } from "./code.js";
import { readCode } from "./code.js";
import { readHost } from "./host.js";
import type { ArgumentKind } from "./kinds.js";
import type { PathFacts } from "./paths.js";
import { looksLikePath, readPath } from "./paths.js";
import { readRecipients } from "./recipients.js";
import type { ShellFacts } from "./shell.js";
import { readArgv, readShell, unreadable } from "./shell.js";
import type { UrlFacts } from "./urls.js";
import { findUrls, readAddress } from "./urls.js";

/** Of a kind of fact. */
export const most = 64;
/** A name with its port, and a list of recipients, characters. */
const longestHost = 512;
const longestList = 16_384;

export interface Found {
  readonly urls: UrlFacts[];
  readonly paths: PathFacts[];
  readonly shells: ShellFacts[];
  readonly code: CodeFacts[];
  /** Domains of recipients. */
  readonly recipients: Set<string>;
  /** Full addresses of recipients. */
  readonly addresses: Set<string>;
  /** Whether these are all; absent where nothing is mapped as one. */
  addressed?: boolean;
  /** Mapped arguments of which it can't be told what they are. */
  unreadable: number;
  truncated: boolean;
}

export const newFound = (truncated: boolean): Found => ({
  urls: [],
  paths: [],
  shells: [],
  code: [],
  recipients: new Set(),
  addresses: new Set(),
  unreadable: 0,
  truncated,
});

/** What any text may hold. */
export function readText(text: string, found: Found): void {
  if (text.length < 3) {
    if (text === ".." || text === "~") addPath(text, found);
    return;
  }
  const { urls, more } = findUrls(text, most - found.urls.length);
  for (const url of urls) addUrl(url, found);
  if (more) found.truncated = true;
  if (looksLikePath(text)) addPath(text, found);
  else if (bareAddress.test(text)) addUrl(readAddress(text), found);
}

/** Addresses of machines without a scheme, in any form that isn't a version or a number. */
const bareAddress =
  /^(?:\d{1,3}(?:\.\d{1,3}){3}|0x[0-9a-f.x]{1,32}|\[[0-9a-f:.]{2,64}\]|localhost)(?::\d{1,5})?(?:\/\S{0,512})?$/i;

const mapped: Readonly<Record<ArgumentKind, (text: string, found: Found) => boolean>> = {
  shell(text, found) {
    addShell(readShell(text), found);
    return true;
  },
  argv(text, found) {
    addShell(readArgv([text]), found);
    return true;
  },
  url(text, found) {
    const url = readAddress(text);
    // a path of an address that the tool knows
    return addUrl(url, found) || /^(?:\/(?![/\\])|[.?#]|$)/.test(text.trim());
  },
  host(text, found) {
    if (text.length > longestHost) return false;
    const [, name = text, port] =
      /^([^]*?)(?::(\d{1,5}))?$/.exec(/^[\da-f.:]*:[\da-f.]*:[\da-f.:]*$/i.test(text) ? `[${text}]` : text) ??
      [];
    const host = readHost(name);
    if (host === undefined) return false;
    const odd = name.replace(/^\[|\]$/g, "").toLowerCase() !== host.host;
    const said = port === undefined ? {} : { port: Number(port) };
    return addUrl({ scheme: "", ...host, ...said, userinfo: false, odd }, found);
  },
  path(text, found) {
    addPath(text, found);
    return true;
  },
  email(text, found) {
    const { addresses, complete } = readRecipients(text);
    for (const address of addresses) found.addresses.add(address);
    if (!complete) found.addressed = false;
    if (text.length > longestList) return false;
    // lists of addresses, also with names: what follows each `@`
    const domains = [...text.matchAll(/@\s{0,8}([^\s,;>)"'@]{1,253})/g)].map(([, name = ""]) =>
      readHost(name.replace(/^\[(?:IPv6:)?|\]$/gi, "")),
    );
    for (const domain of domains) if (domain !== undefined) found.recipients.add(domain.host);
    return domains.length > 0 && domains.every((domain) => domain !== undefined);
  },
  python: (text, found) => addCode("python", text, found),
  javascript: (text, found) => addCode("javascript", text, found),
  sql: (text, found) => addCode("sql", text, found),
};

export function readMapped(kind: ArgumentKind, value: Json, found: Found): void {
  if (kind === "email") found.addressed = (found.addressed ?? true) && typeof value === "string";
  if ((kind === "shell" || kind === "argv") && Array.isArray(value)) {
    const words = value.filter((word) => typeof word === "string");
    addShell(words.length < value.length ? unreadable : readArgv(words), found);
  } else if (typeof value === "string") {
    if (!mapped[kind](value, found)) found.unreadable++;
  } else if (value !== null) {
    found.unreadable++;
    if (kind === "shell" || kind === "argv") addShell(unreadable, found);
  }
}

function addUrl(url: UrlFacts | undefined, found: Found): boolean {
  if (url === undefined) return false;
  if (found.urls.length >= most) found.truncated = true;
  else found.urls.push(url);
  return true;
}

function addPath(text: string, found: Found): void {
  if (found.paths.length >= most) found.truncated = true;
  else found.paths.push(readPath(text));
}

function addCode(language: CodeFacts["language"], text: string, found: Found): boolean {
  if (found.code.length >= 8) found.truncated = true;
  else found.code.push(readCode(language, text));
  return true;
}

function addShell(facts: ShellFacts, found: Found): void {
  if (found.shells.length >= 16) {
    found.truncated = true;
    return;
  }
  found.shells.push(facts);
  // words say what quotes and escapes in the line hid
  for (const { argv, redirects } of facts.commands) {
    for (const word of argv.slice(1)) readWordOf(word, found);
    for (const { target } of redirects)
      if (target !== null && !/^\d+$|^-$/.test(target)) addPath(target, found);
  }
}

function readWordOf(word: string | null, found: Found): void {
  if (word === null) return;
  readText(word, found);
  // `--output=/etc/passwd`, `if=/dev/zero`, `@/etc/passwd`, `user@host:/path`
  const [, value] = /^(?:--?[\w-]{1,64}=|\w{1,32}=|@|-[A-Za-z](?=[/~.]))(.{2,4096})$/s.exec(word) ?? [];
  if (value !== undefined) readText(value, found);
}
