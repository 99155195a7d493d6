/** What of a server's inside an error may tell: traces, places of files, addresses of services. */
import type { Match, Pattern } from "../../content/pattern.js";
import { findAll } from "../../content/pattern.js";
import { findSecrets } from "../../content/find-secrets.js";
import { describeHost } from "../arguments/host.js";

export const internalPatterns: readonly Pattern[] = [
  {
    kind: "stack_trace",
    // Node, Java, C#: `at f (file:1:2)`, `at com.example.A.b(A.java:12)`
    form: /(?:^|\n)[ \t]{0,16}at [^\n]{1,300}(?:\n[ \t]{0,16}(?:at |\.\.\. \d)[^\n]{1,300}){0,64}/g,
    hints: ["at "],
    check: (text, start, end) =>
      /\(.{0,256}:\d+\)|:\d+:\d+|\.java|\(native|\.cs:line|<anonymous>|\[native|at [\w.$<>]+\(/i.test(
        text.slice(start, end),
      )
        ? end
        : undefined,
  },
  {
    kind: "stack_trace",
    form: /Traceback \(most recent call last\):(?:\n[^\n]{0,500}){0,80}/g,
    hints: ["traceback"],
  },
  {
    kind: "stack_trace",
    form: /(?:^|\n)[ \t]{0,8}File "[^"\n]{1,256}", line \d{1,7}(?:, in [^\n]{1,128})?/g,
    hints: ['file "'],
  },
  {
    kind: "stack_trace",
    // Go, Rust
    form: /(?:goroutine \d{1,9} \[[^\]\n]{1,64}\]:(?:\n[^\n]{0,300}){0,80}|panic: [^\n]{0,300}|thread '[^'\n]{1,64}' (?:\(\d{1,9}\) )?panicked at [^\n]{1,300})/g,
    hints: ["goroutine ", "panic"],
  },
  {
    kind: "stack_trace",
    // PHP, Ruby
    form: /(?:^|\n)(?:#\d{1,3} [^\n]{1,300}\(\d{1,7}\)[^\n]{0,300}|[^\s:]{1,200}\.rb:\d{1,7}:in [^\n]{1,200})/g,
    hints: ["#", ".rb:"],
  },
  {
    kind: "connection_string",
    form: /\b(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|oracle|jdbc:[a-z]{2,16}|kafka|nats|ldaps?|clickhouse|cassandra|neo4j|bolt)(?::[\w:]{0,32})?:(?:\/\/|@)[^\s"'`<>]{1,1024}/gi,
    hints: [":"],
  },
  {
    kind: "connection_string",
    form: /\b(?:Server|Data Source|Host|AccountName)=[^;\n"']{1,200};[^\n"']{0,300}\b(?:Password|Pwd|User ID|Uid|AccountKey|Database)=[^;\n"']{1,200}/gi,
    hints: ["server=", "source=", "host=", "accountname="],
  },
  {
    kind: "absolute_path",
    form: /(?<![\w/:.@~-])(?:file:\/\/)?\/(?:home|Users|root|usr|var|etc|opt|srv|app|apps|tmp|private|mnt|media|data|workspace|workspaces|code|build|proc|sys|run|snap|nix|lib|node_modules|site-packages)\/[^\s"'`<>|;,)\]}]{1,512}/g,
    hints: ["/"],
  },
  {
    kind: "absolute_path",
    form: /(?<![\w])(?:[A-Za-z]:\\|\\\\[\w.-]{1,64}\\)[^\s"'`<>|;,)\]}]{1,512}/g,
    hints: ["\\"],
  },
  {
    kind: "internal_address",
    form: /(?<![\w.-])\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?![\w.]\d|\w)/g,
    hints: ["."],
    check: (text, start, end) => (isInner(text.slice(start, end)) ? end : undefined),
  },
  {
    kind: "internal_address",
    form: /(?<![\w.-])(?:localhost|(?:[a-z0-9-]{1,63}\.){1,8}(?:local|internal|intranet|svc|cluster|lan|corp|consul))(?::\d{1,5})?(?![\w-]|\.\w)/gi,
    hints: ["local", "inter", "intra", "svc", "cluster", "lan", "corp", "consul"],
  },
];

function isInner(address: string): boolean {
  const [host = ""] = address.split(":");
  const parts = host.split(".").map(Number);
  return parts.every((part) => part <= 255) && describeHost(parts.join(".")).private;
}

/** Finds what tells of a server's inside, secrets among it. */
export function findInternals(text: string): Match[] {
  const all = [...findAll(text, internalPatterns, 0, text.length), ...findSecrets(text)].sort(
    (a, b) => a.start - b.start || b.end - a.end,
  );
  const out: Match[] = [];
  for (const match of all) {
    const last = out.at(-1);
    if (last === undefined || match.start >= last.end) out.push(match);
    else if (match.end > last.end) out[out.length - 1] = { ...last, end: match.end };
  }
  return out;
}
