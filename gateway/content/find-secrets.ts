/**
 * Finds secrets by the rules of secretlint (MIT, https://github.com/secretlint/secretlint) and by our own patterns together.
 * The rules are called directly: secretlint's own engine takes 150 µs for the shortest text, and lets a text switch rules off.
 * Version 11 is the last that runs on Node 20.
 */
import { rules } from "@secretlint/secretlint-rule-preset-recommend";
import type { Match } from "./pattern.js";
import { findAll } from "./pattern.js";
import { secretPatterns } from "./secrets.js";

/** What is used of a rule of secretlint. */
interface Rule {
  readonly meta: { readonly id: string; readonly type: string };
  create(context: object, options: object): { file?(source: object): unknown };
}

/** A rule's short name → our kind. INVARIANT: a rule that isn't here isn't used: the others read files, or switch rules off. */
const kindOf: Readonly<Record<string, string>> = {
  aws: "aws_key",
  privatekey: "private_key",
  npm: "npm_token",
  basicauth: "password",
  slack: "slack_token",
  sendgrid: "sendgrid_key",
  shopify: "shopify_token",
  github: "github_token",
  openai: "openai_key",
  anthropic: "anthropic_key",
  linear: "linear_key",
  "1password": "onepassword_token",
  "database-connection-string": "database_url",
};
/** What a rule tells that is no secret. */
const harmless = new Set(["AWSAccountID"]);
/** Without one of these none of the rules finds anything; spares most texts all rules. Lower-case. */
const hints =
  /akia|asia|aida|aroa|abia|acca|agpa|aipa|anpa|anva|secret|private key|npm_|_auth|:\/\/|xox|xapp|hooks\.slack|sg\.|shp|gh[pousr]_|github_pat|sk-|lin_|ops_/i;
/** Scanned at a time, and what is seen twice at the seam; characters. */
const slice = 65_536;
const overlap = 4_096;

const finders = createFinders();
export const secretKinds: readonly string[] = [
  ...new Set([...secretPatterns.map(({ kind }) => kind), ...Object.values(kindOf)]),
];

/**
 * Finds what the library's rules and our own patterns take for secrets, from left to right, none within another.
 * @param kinds only these; all unless given
 */
export function findSecrets(text: string, kinds?: ReadonlySet<string>): Match[] {
  const wanted = kinds === undefined ? secretPatterns : secretPatterns.filter(({ kind }) => kinds.has(kind));
  const own = findAll(text, wanted, 0, text.length);
  const theirs = findByLibrary(text).filter(({ kind }) => kinds?.has(kind) !== false);
  if (theirs.length === 0) return own;
  const all = [...own, ...theirs].sort((a, b) => a.start - b.start || b.end - a.end);
  const out: Match[] = [];
  for (const match of all) {
    const last = out.at(-1);
    // INVARIANT: what either found is covered; where both did, the first one's kind stands for it
    if (last === undefined || match.start >= last.end) out.push(match);
    else if (match.end > last.end) out[out.length - 1] = { ...last, end: match.end };
  }
  return out;
}

function findByLibrary(text: string): Match[] {
  if (!hints.test(text)) return [];
  const found: Match[] = [];
  for (let at = 0; at < text.length; at += slice) {
    const piece = text.length <= slice ? text : text.slice(at, at + slice + overlap);
    for (const find of finders) find(piece, at, found);
  }
  return found;
}

function createFinders(): ((text: string, at: number, found: Match[]) => void)[] {
  return (rules as unknown as readonly Rule[]).flatMap((rule) => {
    const kind = kindOf[rule.meta.id.replace(/^@secretlint\/secretlint-rule-/, "")];
    if (kind === undefined || rule.meta.type !== "scanner") return [];
    return [
      (text: string, at: number, found: Match[]): void => {
        const context = {
          sharedOptions: {},
          createTranslator: () => (messageId: string) => ({ messageId, message: messageId }),
          report: ({
            message,
            range: [start, end],
          }: {
            message: { messageId: string };
            range: [number, number];
          }) => {
            if (!harmless.has(message.messageId)) found.push({ kind, start: at + start, end: at + end });
          },
          ignore: () => undefined,
        };
        const source = {
          ...{ content: text, contentType: "text", ext: ".txt", hasBOM: false },
          ...{ filePath: undefined, physicalFilePath: undefined },
          getFilePath: () => undefined,
          getPhysicalFilePath: () => undefined,
        };
        rule.create(context, {}).file?.(source);
      },
    ];
  });
}
