/**
 * Takes a shell's line apart into simple commands with their words, for policy to decide on instead of on text.
 * INVARIANT: `complete` is true only where two readers agree on every word, and nothing in the line is left to be worked out
 * when it runs: no expansion, substitution, pattern, compound command, function, here-document, `eval`.
 */
import type { Redirection, SyntaxNode, Word } from "unbash";
import { forEachChild, parse } from "unbash";
import { dangerousVariable, interpreters, launches } from "./launchers.js";
import { isStrange, readWord } from "./words.js";

export interface Command {
  /** Words as the program gets them; null where one isn't known before it runs. */
  readonly argv: readonly (string | null)[];
  /** The last part of the program's path; empty where it isn't known. */
  readonly program: string;
  /** How the program is named: `name` is looked up in PATH, `path` isn't. */
  readonly by: "name" | "path" | "unknown";
  readonly redirects: readonly { readonly op: string; readonly target: string | null }[];
  /** Names of variables that are set for it. */
  readonly env: readonly string[];
  readonly background: boolean;
  /** Its place in its pipeline, from 0. */
  readonly pipeline: number;
  /** It runs within a substitution: its output becomes part of another command. */
  readonly substitution: boolean;
  /** What starts it, where another program of the line does: `sudo`, `bash`. */
  readonly via: string | null;
}

/** Why a line isn't complete. */
export type Why =
  | ("syntax" | "characters" | "expansion" | "substitution" | "compound" | "function" | "heredoc" | "readers")
  | ("variable" | "launcher" | "too_long" | "too_many" | "type");

export interface ShellFacts {
  readonly complete: boolean;
  readonly why: readonly Why[];
  readonly commands: readonly Command[];
}

const longest = 16_384;
const mostCommands = 128;
const mostWords = 1_024;
const deepest = 4;
/** Of the syntax tree; each substitution within another takes eight. */
const mostLevels = 64;
const mostExpansions = 64;
/** What is run wherever it stands. */
const runs: ReadonlySet<SyntaxNode["type"]> = new Set([
  ...(["CommandExpansion", "ProcessSubstitution", "ArithmeticCommandExpansion", "Script"] as const),
]);

interface Reading {
  readonly commands: Command[];
  readonly why: Set<Why>;
}
interface Around {
  readonly background: boolean;
  readonly pipeline: number;
  readonly substitution: boolean;
  readonly via: string | null;
  readonly depth: number;
}

/** Reads a line. */
export function readShell(line: string): ShellFacts {
  const reading: Reading = { commands: [], why: new Set() };
  readLine(line, reading, { background: false, pipeline: 0, substitution: false, via: null, depth: 0 });
  return end(reading);
}

/** Reads a command that is given as its words. */
export function readArgv(argv: readonly string[]): ShellFacts {
  const reading: Reading = { commands: [], why: new Set() };
  const around = { background: false, pipeline: 0, substitution: false, via: null, depth: 0 };
  if (argv.length > mostWords || argv.some((word) => word.length > longest)) reading.why.add("too_long");
  add({ argv: argv.slice(0, mostWords), redirects: [], env: [] }, reading, around);
  return end(reading);
}

/** What is said of an argument that isn't of a form that can be read. */
export const unreadable: ShellFacts = { complete: false, why: ["type"], commands: [] };

const end = ({ commands, why }: Reading): ShellFacts => ({
  complete: why.size === 0,
  why: [...why].sort(),
  commands,
});

function readLine(line: string, reading: Reading, around: Around): void {
  const { why } = reading;
  if (line.length > longest) why.add("too_long");
  if (isStrange(line)) why.add("characters");
  if (around.depth > deepest) {
    why.add("too_many");
    return;
  }
  const source = line.slice(0, longest);
  // within each other they take time that grows with their number squared
  if ((source.match(/\$[({[]|`|[<>]\(/g)?.length ?? 0) > mostExpansions) {
    why.add("too_many");
    return;
  }
  const spans: [number, number][] = [];
  let level = 0;
  try {
    visit(parse(source), around);
  } catch {
    // words are taken apart when they are looked at: whatever goes wrong there, nothing is known of the rest
    why.add("syntax");
  }
  if (why.size === 0 && !isTold(source, spans)) why.add("readers");

  function visit(node: SyntaxNode, at: Around): void {
    switch (node.type) {
      case "Script":
        if ((node.errors?.length ?? 0) > 0) why.add("syntax");
        // positions within escaped backticks are of another text
        if (node.source !== undefined) why.add("substitution");
        break;
      case "Statement":
        return each(node, { ...at, background: at.background || node.background === true, pipeline: 0 });
      case "Pipeline":
        node.commands.forEach((command, pipeline) => visit(command, { ...at, pipeline }));
        return;
      case "Command":
        return simple(node, at);
      case "AndOr":
        return each(node, at);
      case "Function":
        why.add("function");
        return each(node, at);
      case "CommandExpansion":
      case "ProcessSubstitution":
      case "ArithmeticCommandExpansion":
        why.add("substitution");
        return each(node, { ...at, substitution: true, pipeline: 0 });
      default:
        why.add("compound");
    }
    each(node, at);
  }

  function each(node: SyntaxNode, at: Around): void {
    down(node, (child) => visit(child, at));
  }

  /** Goes a step down, no further than the stack bears. */
  function down(node: SyntaxNode, go: (child: SyntaxNode) => void): void {
    if (level >= mostLevels) why.add("too_many");
    else {
      level++;
      forEachChild(node, go);
      level--;
    }
  }

  /** What is within words: only what is run counts. */
  function within(node: SyntaxNode, at: Around): void {
    down(node, (child) => {
      if (runs.has(child.type)) visit(child, at);
      else within(child, at);
    });
  }

  function word(node: Word, at: Around): string | null {
    const raw = source.slice(node.pos, node.end);
    const said = readWord(raw);
    spans.push([node.pos, node.end]);
    if (said !== undefined) {
      // INVARIANT: what two readers read differently isn't known
      if (said === node.value && raw === node.text) return said;
      why.add("readers");
      return null;
    }
    why.add("expansion");
    within(node, at);
    return null;
  }

  function simple(node: Extract<SyntaxNode, { type: "Command" }>, at: Around): void {
    const env: string[] = [];
    for (const part of node.prefix) {
      if (part.type !== "Assignment") continue;
      env.push(part.name);
      spans.push([part.pos, part.end]);
      if (part.value.type !== "Word" || part.index !== undefined || part.append === true) {
        why.add("variable");
        within(part, at);
      } else {
        const { value } = part;
        const raw = source.slice(value.pos, value.end);
        if (value.end > value.pos && readWord(raw) === undefined) {
          why.add("expansion");
          within(value, at);
        }
      }
      if (dangerousVariable.test(part.name)) why.add("variable");
    }
    // a variable that stays decides on what follows
    if (node.name === undefined && env.length > 0) why.add("variable");
    const redirects = node.redirects.map((one) => redirect(one, at));
    const argv: (string | null)[] = node.name === undefined ? [] : [word(node.name, at)];
    for (const part of node.args) {
      if (part.type === "Word") argv.push(word(part, at));
      else {
        spans.push([part.pos, part.end]);
        const raw = source.slice(part.pos, part.end);
        const said = readWord(raw);
        if (said === undefined) {
          why.add("expansion");
          within(part, at);
        }
        argv.push(said ?? null);
      }
      if (argv.length >= mostWords) {
        why.add("too_many");
        break;
      }
    }
    if (argv.length > 0 || redirects.length > 0 || env.length > 0) add({ argv, redirects, env }, reading, at);
  }

  function redirect(node: Redirection, at: Around): Command["redirects"][number] {
    spans.push([node.pos, node.end]);
    if (node.type === "HereDoc") {
      why.add("heredoc");
      within(node, at);
      return { op: node.operator, target: null };
    }
    const fd = node.descriptor;
    if (fd?.type === "FileDescriptorVariable") why.add("variable");
    const op = `${fd?.type === "FileDescriptor" ? fd.value : ""}${node.operator}`;
    if (node.target === undefined) {
      why.add("syntax");
      return { op, target: null };
    }
    return { op, target: word(node.target, at) };
  }
}

/** Tells whether all that stands between words is blanks and plain operators, and something does. */
function isTold(source: string, spans: [number, number][]): boolean {
  let at = 0;
  let last: [number, number] = [0, 0];
  for (const [start, stop] of spans.sort((a, b) => a[0] - b[0] || b[1] - a[1])) {
    // a redirect's own word
    if (start < at) {
      if (stop > last[1]) return false;
      continue;
    }
    if (!/^[ \t\n;&|]*$/.test(source.slice(at, start))) return false;
    if (start === at && at > 0 && !/[<>]/.test(source.slice(start, stop))) return false;
    at = stop;
    last = [start, stop];
  }
  return /^[ \t\n;&|]*$/.test(source.slice(at));
}

/** Adds a command, and those that it starts. */
function add(
  { argv, redirects, env }: Pick<Command, "argv" | "redirects" | "env">,
  reading: Reading,
  at: Around,
): void {
  const { commands, why } = reading;
  if (commands.length >= mostCommands) {
    why.add("too_many");
    return;
  }
  const [name] = argv;
  const program = name?.split("/").at(-1) ?? "";
  commands.push({
    argv,
    program,
    by: typeof name !== "string" || name === "" ? "unknown" : name.includes("/") ? "path" : "name",
    redirects,
    env,
    background: at.background,
    pipeline: at.pipeline,
    substitution: at.substitution,
    via: at.via,
  });
  if (argv.length === 0) return;
  const launch = launches.get(program) ?? launches.get(program.toLowerCase());
  if (launch !== undefined) follow(launch, argv, reading, { ...at, via: program, depth: at.depth + 1 });
}

/** Follows what a command starts, where that is certain. */
function follow(
  launch: NonNullable<ReturnType<typeof launches.get>>,
  argv: readonly (string | null)[],
  reading: Reading,
  at: Around,
): void {
  const { why } = reading;
  const rest = argv.slice(1);
  const known = rest.filter((word) => word !== null);
  if (at.depth > deepest) why.add("too_many");
  else if (launch === "lines" || launch === "shell") {
    const line = launch === "lines" ? known.join(" ") : lineOf(rest);
    const certain = launch === "shell" && rest.length === 2 && rest[0] === "-c";
    if (!certain) why.add("launcher");
    if (typeof line === "string") readLine(line, reading, at);
  } else if (launch === "rest" && rest.length > 0) {
    const from = rest.findIndex((word) => word === null || !/^(?:-|\w+=|\d+[smhd]?$)/.test(word));
    // an option may take the next word, or say what to run
    if (from !== 0) why.add("launcher");
    if (from >= 0) add({ argv: rest.slice(from), redirects: [], env: [] }, reading, at);
  } else if (launch === "never") why.add("launcher");
}

function lineOf(rest: readonly (string | null)[]): string | null | undefined {
  const at = rest.findIndex((word) => word !== null && /^-[a-z]*c[a-z]*$/i.test(word));
  return at < 0 ? undefined : rest[at + 1];
}

/** Programs of commands, sorted, each once, and those among them that may run others by their own options. */
export function programsOf(commands: readonly Command[]): {
  readonly programs: string[];
  readonly interpreters: string[];
} {
  const programs = [...new Set(commands.map(({ program }) => program))].filter((name) => name !== "").sort();
  return {
    programs,
    interpreters: programs.filter(
      (name) => interpreters.has(name) || interpreters.has(name.replace(/[\d.]+$/, "")),
    ),
  };
}
