/** The way of a bundle from what arrived to what may come into force; each fault has a code of its own. */
import type { Policy } from "../decide/policy.js";
import type { BuildError, BuiltBundle, Rejected } from "../rego/bundle.js";
import { readCanary, runCanary } from "./admit/canary.js";
import { checkExpiry } from "./admit/expiry.js";
import { checkVersion } from "./admit/version.js";
import { createAhead } from "./ahead.js";
import type { BundleFacts, Content, InForce, Kept, Prepare, Prepared } from "./arrival.js";
import type { BundleConfig, KeyConfig } from "./config.js";
import { inLine } from "./in-line.js";
import type { Keep, Undoable } from "./keep/keep.js";
import type { Marks } from "./keep/marks.js";
import type { Job, Made, Make } from "./make.js";

/** What a bundle's configuration asks of it. */
export type Admission = Pick<BundleConfig, "signing" | "sizeLimitBytes" | "verify" | "persist">;

export interface PrepareParts {
  /** Absent for a bundle that no configuration speaks of (`-b PATH`). */
  readonly admissionOf: (name: string) => Admission | undefined;
  readonly keys: () => Keys;
  readonly make: Make;
  /** @throws Error where the module can't be loaded, or needs a built-in that isn't here */
  readonly load: (built: BuiltBundle) => Promise<Policy>;
  readonly marks: Marks;
  /** Absent: nothing is kept on disk. */
  readonly keep?: Keep;
  /** What canary cases ask that name no entrypoint. */
  readonly entrypoint: string;
  /** Bytes of an archive of a bundle that no configuration speaks of. */
  readonly sizeLimitBytes: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Preparing {
  readonly prepare: Prepare;
  /**
   * Verifies, compiles and loads what may arrive soon, so that it is ready then; what is wrong with it is told then, too. Its
   * tests don't run. Never rejects.
   */
  foresee(name: string, content: Content, inForce?: InForce): Promise<void>;
}

/** Creates what prepares bundles: one of each name at a time is the caller's to see to; one at a time is built. */
export function createPrepare(parts: PrepareParts): Preparing {
  const { admissionOf, marks, keep, now } = parts;
  // building takes memory: whoever comes meanwhile waits
  const inTurn = inLine();
  const ahead = createAhead(parts.make, inTurn);

  const jobOf = (
    content: Content,
    admission: Admission | undefined,
    keys: Keys,
    inForce: InForce | undefined,
    tests: boolean,
  ): Job => ({
    ...{ content, keys, tests, sizeLimitBytes: admission?.sizeLimitBytes ?? parts.sizeLimitBytes },
    ...(admission?.signing === undefined ? {} : { signing: admission.signing }),
    ...(inForce === undefined ? {} : { inForce }),
  });

  const prepare: Prepare = async (arrival, inForce) => {
    try {
      const { name, content, origin } = arrival;
      const admission = admissionOf(name);
      const keys = parts.keys();
      const verify = admission?.verify;
      const tests = verify?.tests === true && arrival.tested === undefined;
      const made = await ahead.make(jobOf(content, admission, keys, inForce, tests));
      if (made.kind !== "made") return made;
      // an edit of a test changes nothing that anybody asks of it
      if (admission === undefined && made.built.digest === inForce?.digest) return { kind: "unchanged" };

      const known = await marks.read(name);
      if (known.kind === "rejected") return known;
      const { metadata, contentDigest } = made;
      const version = checkVersion({
        ...{ metadata, contentDigest, mark: known.mark, arrival },
        ...(verify === undefined ? {} : { verify }),
      });
      if (version.kind === "rejected") return version;
      const expiry = checkExpiry(metadata, verify?.expires === true, now());
      if (expiry.kind === "rejected") return expiry;

      const { tested } = made;
      if (tested?.kind === "rejected") return tested;

      // changes of what is in force are made in its memory
      const inPlace = made.changes !== undefined && made.changes.base === inForce?.digest;
      const policy = inPlace && verify?.canary === undefined ? undefined : await load(made.built, parts.load);
      if (policy?.kind === "rejected") return policy;
      if (verify?.canary !== undefined && policy !== undefined) {
        const canary = await readCanary(verify.canary, parts.entrypoint);
        if (canary.kind === "rejected") return canary;
        const differs = await runCanary(canary.cases, policy.policy);
        if (differs !== undefined) return differs;
      }

      const mustKeep = keep !== undefined && admission?.persist === true && origin !== "persisted";
      const facts: BundleFacts = {
        ...{ verified: made.verified, type: made.type, size: made.size, contentDigest },
        ...(version.version === undefined ? {} : { version: version.version }),
        ...(expiry.expires === undefined ? {} : { expires: expiry.expires }),
        ...(made.archiveDigest === undefined ? {} : { archiveDigest: made.archiveDigest }),
      };
      const prepared: Prepared = {
        kind: "prepared",
        ...facts,
        built: made.built,
        ...(policy === undefined ? {} : { policy: policy.policy }),
        ...(made.changes === undefined ? {} : { changes: made.changes }),
        ...(tested === undefined ? {} : { tests: tested.tests }),
        ...(version.override === undefined ? {} : { override: version.override }),
        isCurrent: () => admissionOf(name) === admission && areSame(parts.keys(), keys),
        async keep(): Promise<Kept> {
          // INVARIANT: the mark never names what isn't kept yet: a crash between the two finds a bundle that is high enough
          const kept = mustKeep && "bytes" in content ? await keepOn(keep, name, made, content.bytes) : ok;
          if (kept.kind === "unkept" && origin === "push") return rejected("keep_failed", kept.message);
          if (version.mark === known.mark) return kept;
          const marked = await marks.write(name, version.mark);
          if (marked.kind === "rejected") {
            await kept.undo();
            return marked;
          }
          return {
            ...kept,
            // INVARIANT: the mark first, for the same reason
            async undo() {
              const lowered = await marks.write(name, known.mark);
              if (lowered.kind === "written") await kept.undo();
            },
          };
        },
      };
      return prepared;
    } catch (error) {
      return rejected("activation_failed", error instanceof Error ? error.message : "it can't be prepared");
    }
  };

  return {
    prepare,
    async foresee(name, content, inForce) {
      const admission = admissionOf(name);
      if (admission === undefined) return;
      try {
        const made = await ahead.foresee(name, jobOf(content, admission, parts.keys(), inForce, false));
        // what is compiled for the engine is found again
        if (made !== undefined) await parts.load(made.built);
      } catch {
        // what is wrong is told when it arrives
      }
    },
  };
}

type Keys = ReadonlyMap<string, KeyConfig>;

function areSame(some: Keys, others: Keys): boolean {
  return some === others || JSON.stringify([...some]) === JSON.stringify([...others]);
}

type Written = Exclude<Kept, Rejected>;
const nothing: Undoable = { undo: () => Promise.resolve(), done: () => Promise.resolve() };
const ok: Written = { kind: "kept", ...nothing };

async function keepOn(keep: Keep, name: string, { type }: Made, bytes: Uint8Array): Promise<Written> {
  try {
    const { undo, done } = await keep[type](name, bytes);
    return { kind: "kept", undo: () => undo().catch(() => undefined), done };
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    return {
      ...nothing,
      kind: "unkept",
      message: `it can't be kept on disk (${typeof code === "string" ? code : "fault"})`,
    };
  }
}

async function load(
  built: BuiltBundle,
  from: PrepareParts["load"],
): Promise<{ readonly kind: "loaded"; readonly policy: Policy } | Rejected> {
  try {
    return { kind: "loaded", policy: await from(built) };
  } catch (error) {
    const errors = missingBuiltins(error, built);
    const message = error instanceof Error ? error.message : "the policy could not be loaded";
    const [first] = errors;
    if (message.startsWith("entrypoints missing")) return rejected("entrypoint_missing", message);
    return first === undefined
      ? rejected("activation_failed", message)
      : { kind: "rejected", errors: [{ ...first, message }, ...errors.slice(1)] };
  }
}

/** Says where the policy calls the built-ins for whose lack it was refused. */
function missingBuiltins(error: unknown, { builtins = [] }: BuiltBundle): BuildError[] {
  const missing = (error as { missing?: unknown } | null)?.missing;
  if (!Array.isArray(missing)) return [];
  return builtins
    .filter(({ name }) => missing.includes(name))
    .map(({ name, file, row, col }) => ({
      code: "builtin_unavailable",
      message: `${name} is not available`,
      file,
      row,
      col,
    }));
}

function rejected(code: string, message: string): Rejected {
  return { kind: "rejected", errors: [{ code, message }] };
}
