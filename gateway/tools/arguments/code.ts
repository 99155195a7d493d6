/** Says what code of other languages does, as far as that shows: what it imports, which statements it has. Nothing is run. */
import type { JsonObject } from "../../../sidecar/contract.js";

export interface CodeFacts {
  readonly language: "python" | "javascript" | "sql";
  /** INVARIANT: true only for SQL of plain statements; what Python and JavaScript do can't be told before they run. */
  readonly complete: boolean;
  /** Modules by their full names, sorted. */
  readonly imports: readonly string[];
  /** Words by which code does what its text doesn't show, or leaves the language: `eval`, `subprocess`, `drop`. */
  readonly uses: readonly string[];
  /** SQL: the first word of each statement, in order. */
  readonly statements: readonly string[];
}

const longest = 65_536;
const longestSql = 16_384;
const most = 64;

/** Reads code; what is beyond 64 Ki characters (SQL: 16 Ki) isn't looked at, and `complete` is false. */
export function readCode(language: CodeFacts["language"], source: string): CodeFacts {
  if (language === "sql") return readSql(source.slice(0, longestSql), source.length <= longestSql);
  const text = source.slice(0, longest);
  return {
    ...(language === "python" ? readPython(text) : readJavaScript(text)),
    language,
    complete: false,
    statements: [],
  };
}

const pythonUses =
  /\b(?:__import__|__builtins__|__subclasses__|__globals__|__class__|eval|exec|compile|getattr|setattr|globals|locals|vars|open|input|breakpoint|importlib|runpy|subprocess|popen|system|spawn\w*|fork|execv\w*|ctypes|cffi|pickle|marshal|shelve|socket|urllib|requests|httpx|aiohttp|ftplib|smtplib|telnetlib|paramiko|shutil|rmtree|unlink|remove|rmdir|environ|getenv|putenv)\b/g;
const scriptUses =
  /\b(?:eval|Function|constructor|__proto__|require|process|child_process|exec|execSync|execFile|spawn|spawnSync|fork|fetch|XMLHttpRequest|WebSocket|EventSource|importScripts|Worker|vm|fs|net|http|https|dgram|tls|WebAssembly|globalThis|Reflect|Proxy|Deno|Bun|localStorage|indexedDB|cookie)\b/g;

function readPython(text: string): Pick<CodeFacts, "imports" | "uses"> {
  const imports = new Set<string>();
  // also within lines, and with what a look-alike letter becomes (PEP 3131: names are NFKC)
  const plain = text.normalize("NFKC");
  for (const [, names = ""] of plain.matchAll(
    /(?:^|[\n;:])[ \t]{0,256}import[ \t\\\n]{1,64}([\w., \t]{1,512})/g,
  )) {
    for (const name of names.split(",")) addName(imports, name.trim().split(/\s/)[0] ?? "");
  }
  for (const [, name = ""] of plain.matchAll(
    /(?:^|[\n;:])[ \t]{0,256}from[ \t\\\n]{1,64}([\w.]{1,128})[ \t\\\n]{1,64}import\b/g,
  ))
    addName(imports, name);
  for (const [, name = ""] of plain.matchAll(
    /(?:__import__|import_module)\s{0,8}\(\s{0,8}["']([\w.]{1,128})["']/g,
  ))
    addName(imports, name);
  return { imports: sorted(imports), uses: found(plain, pythonUses) };
}

function readJavaScript(text: string): Pick<CodeFacts, "imports" | "uses"> {
  const imports = new Set<string>();
  for (const [, name = ""] of text.matchAll(
    /\b(?:from|import|require)\s{0,8}\(?\s{0,8}["'`]([^"'`\s]{1,128})["'`]/g,
  ))
    addName(imports, name);
  return { imports: sorted(imports), uses: found(text, scriptUses) };
}

const verbs = new Set(
  (
    "select with values table insert update delete merge replace upsert truncate drop create alter rename grant revoke deny " +
    "comment analyze vacuum reindex cluster call do exec execute prepare deallocate declare fetch copy load unload import " +
    "export attach detach pragma set reset show describe desc explain use begin start commit rollback savepoint release " +
    "lock unlock listen notify refresh kill shutdown backup restore handler install uninstall optimize repair flush bulk " +
    "go print raise signal checkpoint discard security reassign outfile dumpfile into"
  ).split(" "),
);
const reading = new Set(["select", "with", "values", "table", "show", "describe", "desc"]);

/** Takes statements apart by the signs on which all dialects agree; where there is any other, it isn't complete. */
function readSql(text: string, whole: boolean): CodeFacts {
  const statements: string[] = [];
  const uses = new Set<string>();
  let complete = whole;
  let first = true;
  // quoted texts and names, line comments, block comments, words, ends of statements, what dialects read differently
  const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[^]*?\*\/|[a-z_][\w$]*|;|[\\#`$'"@]|\/\*|[^]/gi;
  for (const { 0: sign, index } of text.matchAll(token)) {
    if (/^[a-z_]/i.test(sign)) {
      const word = sign.toLowerCase();
      if (first) statements.push(verbs.has(word) ? word : "other");
      if (first && !verbs.has(word)) complete = false;
      if (verbs.has(word)) uses.add(word);
      // texts of PostgreSQL and others with a letter in front, and names by which functions leave the database
      if (/['"]/.test(text[index + sign.length] ?? "")) complete = false;
      if (
        /^(?:xp_|sp_|pg_read|pg_ls|pg_write|lo_|dblink|load_file|load_extension|sys_|utl_|dbms_|openrowset|opendatasource|query_to_xml|database_to_xml|sleep|pg_sleep|benchmark|waitfor|readfile|writefile|edit|fts3_tokenizer)/.test(
          word,
        )
      ) {
        uses.add(word.slice(0, 64));
        complete = false;
      }
      first = false;
    } else if (sign === ";") first = true;
    else if (/^(?:--|\/\*[^!+][^]*\*\/$)/.test(sign)) {
      // nested comments are read differently; `--x` is none in MySQL
      if (sign.slice(2).includes("/*") || (sign.startsWith("--") && !/^--(?:\s|$)/.test(sign)))
        complete = false;
    } else if (/^['"].+['"]$|^''$|^""$/s.test(sign)) {
      if (sign.includes("\\")) complete = false;
      first = false;
    } else if (/[^\s\w(),.*=<>+/%|:?[\]-]/.test(sign) || /[^\u0000-\u007f]/.test(sign)) {
      complete = false;
      first = false;
    } else if (!/\s/.test(sign) && sign !== "(") first = false;
  }
  if (statements.length > most) complete = false;
  return {
    language: "sql",
    complete,
    imports: [],
    uses: sorted(uses),
    statements: statements.slice(0, most),
  };
}

/** Tells whether statements only read, by their words alone. */
export const readsOnly = ({ language, complete, statements, uses }: CodeFacts): boolean =>
  language === "sql" &&
  complete &&
  statements.length > 0 &&
  [...statements, ...uses].every((word) => reading.has(word));

function found(text: string, form: RegExp): string[] {
  const words = new Set<string>();
  for (const [word] of text.matchAll(form)) {
    words.add(word);
    if (words.size >= most) break;
  }
  return sorted(words);
}

function addName(names: Set<string>, name: string): void {
  if (name !== "" && names.size < most) names.add(name);
}

const sorted = (words: ReadonlySet<string>): string[] => [...words].sort();

export const codeJson = (facts: CodeFacts): JsonObject => ({
  ...{ language: facts.language, complete: facts.complete, imports: [...facts.imports] },
  ...{ uses: [...facts.uses], statements: [...facts.statements], reads_only: readsOnly(facts) },
});
