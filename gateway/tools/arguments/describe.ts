/**
 * Describes what a tool is called with by facts, so that policy needs no patterns on raw text (docs/gateway-tool-facts.md).
 *
 * How to call it: `const describe = describeArguments()` once; `describe(args, kinds)` for each call, where `kinds` is
 * `readArgumentKinds(…)` of the tool's mapping. What it gives is `input.resource.properties.facts` of `tool.call`. It takes
 * microseconds for arguments as they mostly are, never throws, and gives the same for the same.
 */
import type { JsonObject } from "../../../sidecar/contract.js";
import { findSecrets } from "../../content/find-secrets.js";
import { hiddenPatterns } from "../../content/injection.js";
import type { Match, Pattern } from "../../content/pattern.js";
import { findAll } from "../../content/pattern.js";
import { piiPatterns } from "../../content/pii.js";
import { codeJson } from "./code.js";
import type { Found } from "./find.js";
import { most, newFound, readMapped, readText } from "./find.js";
import type { ArgumentKinds } from "./kinds.js";
import { valuesAt } from "./kinds.js";
import { pathJson } from "./paths.js";
import type { Command, ShellFacts } from "./shell.js";
import { programsOf } from "./shell.js";
import type { Text } from "./strings.js";
import { walkTexts } from "./strings.js";
import { urlJson } from "./urls.js";

export interface ArgumentParts {
  /** What of the texts is looked at, characters; 128 Ki unless given. Beyond, `truncated` is true. */
  readonly mostChars?: number;
}

export type DescribeArguments = (args: JsonObject, kinds?: ArgumentKinds) => JsonObject;

const mostTexts = 4_096;
/** Between texts that are looked at as one: no pattern reaches over it. */
const seam = "\n\u0001\n";

export function describeArguments({ mostChars = 2 ** 17 }: ArgumentParts = {}): DescribeArguments {
  return (args, kinds = []) => {
    const { texts, chars, values, depth, truncated } = walkTexts(args, { mostTexts, mostChars });
    const found = newFound(truncated);
    for (const { at, kind } of kinds) {
      for (const value of valuesAt(args, at)) readMapped(kind, value, found);
    }
    for (const { text } of texts) readText(text, found);
    // plainly, one by one: spreading takes ten times as long as all the rest
    const facts: JsonObject = { chars, values, depth, texts: texts.length };
    addPlaces(facts, found);
    if (found.shells.length > 0) facts["shell"] = shellFacts(found.shells);
    if (found.code.length > 0) facts["code"] = found.code.map(codeJson);
    addContent(facts, texts, found);
    // last: what was counted above may have been too much
    facts["truncated"] = found.truncated;
    return facts;
  };
}

function addPlaces(facts: JsonObject, found: Found): void {
  const { urls, paths, recipients, addresses, addressed, unreadable } = found;
  if (recipients.size > most) found.truncated = true;
  const hosts = urls.map(({ host }) => host).filter((host) => host !== undefined);
  facts["urls"] = unique(urls.map(urlJson));
  facts["hosts"] = sorted(hosts);
  facts["schemes"] = sorted(urls.map(({ scheme }) => scheme));
  facts["private"] = urls.some((url) => url.private);
  facts["paths"] = unique(paths.map(pathJson));
  facts["traversal"] = paths.some(({ traversal, escapes }) => traversal || escapes);
  if (recipients.size > 0) facts["recipient_domains"] = sorted([...recipients]).slice(0, most);
  if (addressed !== undefined) {
    const complete = addressed && addresses.size > 0 && addresses.size <= most;
    facts["recipients"] = { complete, addresses: sorted([...addresses]).slice(0, most) };
  }
  if (unreadable > 0) facts["unreadable"] = unreadable;
}

function shellFacts(shells: readonly ShellFacts[]): JsonObject {
  const commands = shells.flatMap((one) => one.commands).slice(0, 256);
  const { programs, interpreters } = programsOf(commands);
  return {
    complete: shells.every(({ complete }) => complete),
    why: sorted(shells.flatMap(({ why }) => why)),
    programs,
    interpreters,
    commands: commands.map(commandJson),
  };
}

const commandJson = (command: Command): JsonObject => ({
  argv: [...command.argv],
  program: command.program,
  by: command.by,
  redirects: command.redirects.map(({ op, target }) => ({ op, target })),
  env: [...command.env],
  background: command.background,
  pipeline: command.pipeline,
  substitution: command.substitution,
  via: command.via,
});

/** Every form of a secret has this: a long word, or a name for one. */
const maySecret = /[^\s\u0001]{16}|pass|pwd|secret|token|key|:\/\//i;
const mayPii = /[\d@]/;
const mayHide = /[^\u0000-\u007e]/;

/** Adds kinds and counts of what is in the texts, and where secrets are. */
function addContent(facts: JsonObject, texts: readonly Text[], found: Found): void {
  const all = texts.length === 1 ? (texts[0]?.text ?? "") : texts.map(({ text }) => text).join(seam);
  // what can't hold any isn't looked at by each of the patterns
  const secrets = maySecret.test(all) ? findSecrets(all) : [];
  const pii = mayPii.test(all) ? findPatterns(all, piiPatterns) : [];
  facts["secrets"] = {
    count: secrets.length,
    kinds: countsOf(secrets),
    at: secrets.length === 0 ? [] : placesOf(secrets, texts, found),
  };
  facts["pii"] = countsOf(pii);
  facts["hidden"] = mayHide.test(all) ? countsOf(findPatterns(all, hiddenPatterns)) : {};
  facts["email_domains"] = emailDomains(all, pii);
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

function sorted(words: readonly string[]): string[] {
  return words.length < 2 ? [...words] : [...new Set(words)].sort();
}
