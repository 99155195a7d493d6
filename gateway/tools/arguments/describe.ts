/**
 * Describes what a tool is called with by facts, so that policy needs no patterns on raw text (docs/gateway-tool-facts.md).
 *
 * How to call it: `const describe = describeArguments({ clock })` once; `describe(args, kinds)` for each call, where `kinds` is
 * `readArgumentKinds(…)` of the tool's mapping. What it gives is `input.resource.properties.facts` of `tool.call`. It takes
 * some 5 to 30 µs for arguments as they mostly are, never throws, and gives the same for the same.
 */
import type { Json, JsonObject } from "../../../sidecar/contract.js";
import { findSecrets } from "../../content/find-secrets.js";
import { hiddenPatterns } from "../../content/injection.js";
import type { Match, Pattern } from "../../content/pattern.js";
import { findAll } from "../../content/pattern.js";
import { piiPatterns } from "../../content/pii.js";
import type { CodeFacts } from "./code.js";
import { codeJson, readCode } from "./code.js";
import { readHost } from "./host.js";
import type { ArgumentKind, ArgumentKinds } from "./kinds.js";
import { valuesAt } from "./kinds.js";
import type { PathFacts } from "./paths.js";
import { looksLikePath, pathJson, readPath } from "./paths.js";
import type { ShellFacts } from "./shell.js";
import { programsOf, readArgv, readShell, unreadable } from "./shell.js";
import type { Text } from "./strings.js";
import { walkTexts } from "./strings.js";
import type { UrlFacts } from "./urls.js";
import { findUrls, readAddress, urlJson } from "./urls.js";

export interface ArgumentParts {
  /** What of the texts is looked at, characters; 256 Ki unless given. Beyond, `truncated` is true. */
  readonly mostChars?: number;
}

export type DescribeArguments = (args: JsonObject, kinds?: ArgumentKinds) => JsonObject;

const mostTexts = 4_096;
/** Of a kind of fact. */
const most = 64;
/** Between texts that are looked at as one: no pattern reaches over it. */
const seam = "\n\u0001\n";

export function describeArguments({ mostChars = 2 ** 18 }: ArgumentParts = {}): DescribeArguments {
  return (args, kinds = []) => {
    const { texts, chars, values, depth, truncated } = walkTexts(args, { mostTexts, mostChars });
    const found = newFound(truncated);
    for (const { at, kind } of kinds) {
      for (const value of valuesAt(args, at)) readMapped(kind, value, found);
    }
    for (const { text } of texts) readText(text, found);
    return {
      ...{ chars, values, depth, texts: texts.length },
      ...placesFacts(found),
      ...shellFacts(found),
      ...(found.code.length === 0 ? {} : { code: found.code.map(codeJson) }),
      ...contentFacts(texts, found),
      // last: what was counted above may have been too much
      truncated: found.truncated,
    };
  };
}

interface Found {
  readonly urls: UrlFacts[];
  readonly paths: PathFacts[];
  readonly shells: ShellFacts[];
  readonly code: CodeFacts[];
  readonly recipients: Set<string>;
  /** Mapped arguments of which it can't be told what they are. */
  unreadable: number;
  truncated: boolean;
}

const newFound = (truncated: boolean): Found => ({
  ...{ urls: [], paths: [], shells: [], code: [], recipients: new Set<string>() },
  ...{ unreadable: 0, truncated },
});

/** What any text may hold. */
function readText(text: string, found: Found): void {
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
    const [, name = text, port] =
      /^([^]*?)(?::(\d{1,5}))?$/.exec(text.includes("::") ? `[${text}]` : text) ?? [];
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
    // lists of addresses, also with names: what follows each `@`
    const domains = [...text.matchAll(/@\s{0,8}([^\s,;>)"'@]{1,253})/g)].map(([, name = ""]) =>
      readHost(name),
    );
    for (const domain of domains) if (domain !== undefined) found.recipients.add(domain.host);
    return domains.length > 0 && domains.every((domain) => domain !== undefined);
  },
  python: (text, found) => addCode("python", text, found),
  javascript: (text, found) => addCode("javascript", text, found),
  sql: (text, found) => addCode("sql", text, found),
};

function readMapped(kind: ArgumentKind, value: Json, found: Found): void {
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

function placesFacts({ urls, paths, recipients, unreadable: failed }: Found): JsonObject {
  const seen = unique(urls.map(urlJson));
  const places = unique(paths.map(pathJson));
  return {
    urls: seen,
    hosts: [...new Set(urls.map(({ host }) => host).filter((host) => host !== undefined))].sort(),
    schemes: [...new Set(urls.map(({ scheme }) => scheme))].sort(),
    private: urls.some((url) => url.private),
    paths: places,
    traversal: paths.some(({ traversal, escapes }) => traversal || escapes),
    ...(recipients.size === 0 ? {} : { recipient_domains: [...recipients].sort().slice(0, most) }),
    ...(failed === 0 ? {} : { unreadable: failed }),
  };
}

function shellFacts({ shells }: Found): JsonObject {
  if (shells.length === 0) return {};
  const all: ShellFacts = {
    complete: shells.every(({ complete }) => complete),
    why: [...new Set(shells.flatMap(({ why }) => why))].sort(),
    commands: shells.flatMap(({ commands }) => commands).slice(0, 256),
  };
  return {
    shell: {
      complete: all.complete,
      why: [...all.why],
      ...programsOf(all),
      commands: all.commands.map(({ argv, redirects, env, ...others }) => ({
        ...others,
        argv: [...argv],
        redirects: redirects.map((one) => ({ ...one })),
        env: [...env],
      })),
    },
  };
}

/** Every form of a secret has this: a long word, or a name for one. */
const maySecret = /[^\s\u0001]{16}|pass|pwd|secret|token|key|:\/\//i;
const mayPii = /[\d@]/;
const mayHide = /[^\u0000-\u007e]/;

/** Kinds and counts of what is in the texts, and where secrets are. */
function contentFacts(texts: readonly Text[], found: Found): JsonObject {
  const all = texts.length === 1 ? (texts[0]?.text ?? "") : texts.map(({ text }) => text).join(seam);
  // what can't hold any isn't looked at by each of the patterns
  const secrets = maySecret.test(all) ? findSecrets(all) : [];
  const pii = mayPii.test(all) ? findPatterns(all, piiPatterns) : [];
  return {
    secrets: { count: secrets.length, kinds: countsOf(secrets), at: placesOf(secrets, texts, found) },
    pii: countsOf(pii),
    hidden: mayHide.test(all) ? countsOf(findPatterns(all, hiddenPatterns)) : {},
    email_domains: emailDomains(all, pii),
  };
}

const findPatterns = (text: string, patterns: readonly Pattern[]): Match[] =>
  findAll(text, patterns, 0, text.length);

function emailDomains(text: string, pii: readonly Match[]): string[] {
  const domains = pii
    .filter(({ kind }) => kind === "email")
    .map(({ end }) => text.slice(text.lastIndexOf("@", end) + 1, end).toLowerCase());
  return [...new Set(domains)].sort().slice(0, most);
}

function countsOf(matches: readonly Match[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind } of matches) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function placesOf(matches: readonly Match[], texts: readonly Text[], found: Found): string[] {
  const places = new Set<string>();
  let start = 0;
  let i = 0;
  for (const match of matches) {
    for (; i < texts.length; i++) {
      const next = start + (texts[i]?.text.length ?? 0) + seam.length;
      if (match.start < next) break;
      start = next;
    }
    places.add(texts[i]?.at ?? "");
  }
  if (places.size > most) found.truncated = true;
  return [...places].slice(0, most);
}

function unique(objects: readonly JsonObject[]): JsonObject[] {
  if (objects.length < 2) return [...objects];
  return [...new Map(objects.map((one) => [JSON.stringify(one), one])).values()];
}
