/** Reviews what servers list: reads, finds look-alikes, says what is approved, and has policy approve what it may. */
import type { Decision, Json, JsonObject } from "../../../sidecar/contract.js";
import { isObject, maxCalls } from "../../../sidecar/contract.js";
import type { GatewayLog } from "../../exchange.js";
import type { ServerConfig } from "../server-config.js";
import type { Approval, Approvals, ApprovalView, Pending } from "./approvals/approvals.js";
import { createChecks } from "./checks.js";
import type { Definitions, Dropped, Reviewed } from "./definitions.js";
import { createEntries } from "./entries.js";
import type { Entry } from "./entries.js";
import type { Effect } from "./mapping.js";
import { mapTool } from "./mapping.js";
import type { Claims } from "./names/claims.js";
import { createClaims } from "./names/claims.js";
import { between } from "./names/check-servers.js";
import type { DefinitionsConfig } from "./read-config.js";
import { sift } from "./sift.js";
import { createTell } from "./tell.js";

export interface DefinitionsParts {
  readonly approvals: Approvals;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly log: Pick<GatewayLog, "warn">;
  /** Counts definitions that wait, and tools that aren't offered. */
  readonly happened?: (server: string, event: string) => void;
}

type Decide = Parameters<Definitions["review"]>[3];

/** A tool under review. */
interface Candidate {
  readonly entry: Entry;
  readonly status: Reviewed["status"];
  readonly rejected: boolean;
  readonly byPerson: boolean;
}

const unpinned: DefinitionsConfig = { mode: "enforce", rules: [] };

/** Creates the review. INVARIANT: approval is of a server, a tool's name and a digest, and of nothing less. */
export function createDefinitions({ approvals, now, log, happened }: DefinitionsParts): Definitions {
  const entries = createEntries();
  const checks = createChecks();
  const claims = createClaims();
  const tell = createTell(log, happened);
  /** Servers of which the operator approves whatever they list. */
  const trusted = new Set<string>();
  let seeded: object | undefined;

  /** What was approved before this process began was known before anything that it sees. */
  const seed = (view: ApprovalView | undefined): void => {
    if (view === undefined || view.version === seeded) return;
    seeded = view.version;
    for (const { server, tool, state } of view.all) if (state === "approved") claims.claim(server, tool);
  };

  const candidate = (
    server: string,
    { mode }: DefinitionsConfig,
    entry: Entry,
    view: ApprovalView | undefined,
  ): Candidate => {
    const { name, digest } = entry.definition;
    const known = view?.of(server, name);
    const approved = mode === "off" || known?.approved.has(digest) === true;
    const status = approved ? "approved" : (known?.approved.size ?? 0) > 0 ? "changed" : "new";
    const rejected = mode !== "off" && known?.rejected.has(digest) === true;
    return { entry, status, rejected, byPerson: known?.byPerson.has(digest) === true };
  };

  const reviewed = (server: string, config: DefinitionsConfig, one: Candidate): Reviewed => {
    const { entry, status, rejected } = one;
    const circumstances = [server, config.mode, config.rules, status, rejected, claims.version];
    const { latest } = entry;
    if (latest?.circumstances.every((was, i) => was === circumstances[i]) === true) return latest.reviewed;
    const { definition, found } = entry;
    const { name, digest, tool } = definition;
    const mentions = [...found.words].some((word) => mentionsForeign(server, word, claims));
    const flags = [...found.flags, ...(mentions ? ["mentions_other_tool"] : [])].sort();
    const { risk, effect, labels } = mapTool(name, config.rules, effectOf(tool, config));
    const made: Reviewed = {
      name,
      tool,
      digest,
      status,
      quarantined: rejected || (config.mode === "enforce" && status !== "approved"),
      properties: {
        definition_digest: digest,
        definition_status: status,
        definition_flags: flags,
        annotations: tool["annotations"] ?? {},
        risk,
        effect,
        labels: [...labels],
      },
      checkArguments: (args) => checks.arguments(definition, args),
      checkResult: (structured) => checks.result(definition, structured),
      paramHeaders: definition.input.headers,
    };
    entry.latest = { circumstances, reviewed: made };
    return made;
  };

  /** Asks policy for what it may approve, and has it kept; gives whether there is any. */
  const ask = async (
    server: string,
    config: DefinitionsConfig,
    waiting: readonly Candidate[],
    decide: Decide,
  ): Promise<boolean> => {
    const added: Approval[] = [];
    for (let i = 0; i < waiting.length; i += maxCalls) {
      const some = waiting.slice(i, i + maxCalls);
      const decisions = await decide(some.map((one) => reviewed(server, config, one)));
      // INVARIANT: a decision is of the tool in the same place, or of none
      if (decisions.length !== some.length) continue;
      some.forEach((one, k) => {
        const decision = decisions[k];
        if (decision?.allow === true) added.push(byPolicy(server, one, decision, now()));
      });
    }
    return added.length > 0 && (await approvals.approve(added));
  };

  return {
    async version() {
      return (await approvals.read())?.version;
    },
    async review(server, serverConfig, tools, decide) {
      const config = configOf(serverConfig);
      const view = await approvals.read();
      seed(view);
      const host = serverConfig.upstream?.url.hostname;
      const sifted = await sift(tools, entries, { server, host }, checks);
      const dropped: Dropped[] = [...sifted.dropped];
      for (const { definition } of sifted.entries) claims.claim(server, definition.name);
      if (config.mode === "off") trusted.add(server);
      else trusted.delete(server);
      const isApproved = (at: string, name: string): boolean =>
        trusted.has(at) || (view?.of(at, name)?.approved.size ?? 0) > 0;
      const pending: Pending[] = [];
      const note = (one: Candidate, likeness?: string): void => {
        if (one.status === "approved" && likeness === undefined) return;
        if (!one.rejected)
          pending.push(pendingOf(server, one, flagsOf(reviewed(server, config, one)), likeness, now()));
      };
      const candidates = sifted.entries
        .map((entry) => candidate(server, config, entry, view))
        .filter((one) => {
          const { name } = one.entry.definition;
          // a person has seen both
          const likeness = one.byPerson ? undefined : claims.before(server, name, isApproved);
          if (likeness === undefined) return true;
          dropped.push({ name, why: "look_alike" });
          note(one, likeness);
          return false;
        });
      // INVARIANT: where approvals can't be read, nobody adds to them
      const waiting =
        config.mode === "enforce" && view !== undefined
          ? candidates.filter(({ status, rejected }) => status !== "approved" && !rejected)
          : [];
      const added = waiting.length > 0 && (await ask(server, config, waiting, decide));
      // INVARIANT: approved is what the store says is, so that what couldn't be kept, or what a person refused, isn't
      const after = added ? await approvals.read() : view;
      const settled = added
        ? candidates.map(({ entry }) => candidate(server, config, entry, after))
        : candidates;
      if (config.mode !== "off") for (const one of settled) note(one);
      if (pending.length > 0) await approvals.note(pending);
      const result = { tools: settled.map((one) => reviewed(server, config, one)), dropped };
      tell(server, result);
      return result;
    },
  };
}

function configOf(server: ServerConfig): DefinitionsConfig {
  return server.definitions ?? unpinned;
}

/** Of a definition that the operator made, what it says itself; of others nothing. */
function effectOf({ annotations }: JsonObject, { own }: DefinitionsConfig): Effect | undefined {
  const reads = own === true && isObject(annotations) && annotations["readOnlyHint"] === true;
  return reads ? "read" : undefined;
}

const flagsOf = ({ properties }: Reviewed): readonly string[] => properties["definition_flags"] as string[];

/** Whether a word names a tool of another server, alone or with the server's name before it. */
function mentionsForeign(server: string, word: string, claims: Pick<Claims, "isForeign" | "has">): boolean {
  if (claims.isForeign(server, word)) return true;
  const at = word.indexOf(between);
  const [named, name] = [word.slice(0, at), word.slice(at + between.length)];
  // with another server's name before it, it is that one's, also where this one has one of the name
  return at > 0 && named !== server && (claims.isForeign(server, name) || claims.has(named, name));
}

function byPolicy(server: string, { entry }: Candidate, decision: Decision, now: number): Approval {
  const { name, digest, tool } = entry.definition;
  return {
    server,
    tool: name,
    digest,
    state: "approved",
    at: new Date(now).toISOString(),
    by: { policy: { decision_id: decision.decision_id, rules: decision.rules } },
    definition: tool as Json,
  };
}

function pendingOf(
  server: string,
  { entry, status }: Candidate,
  flags: readonly string[],
  likeness: string | undefined,
  now: number,
): Pending {
  const { name, digest, tool } = entry.definition;
  const at = new Date(now).toISOString();
  return {
    server,
    tool: name,
    digest,
    status: status === "changed" ? "changed" : "new",
    first: at,
    last: at,
    flags,
    ...(likeness === undefined ? {} : { looks_like: likeness }),
    definition: tool,
  };
}
