/** Wires who may fence, bump epochs and push bundles: the operators' own policy and keys, the routes, the record. */
import { fileURLToPath } from "node:url";
import { createBundlesDoor } from "../api/bundles.js";
import { createEpochsDoor } from "../api/epochs.js";
import { createFencesDoor } from "../api/fences.js";
import type { OperatorDoor } from "../api/operating.js";
import type { SidecarConfig } from "../config.js";
import { serveBuiltins } from "../decide/builtins/serve.js";
import { parseDecision } from "../decide/parse-decision.js";
import { loadPolicy } from "../decide/policy.js";
import type { Identifier } from "../identify/identify.js";
import type { OperatorConfig } from "../operator/config.js";
import type { Operators } from "../operator/open.js";
import { openOperators } from "../operator/open.js";
import type { Log } from "../record/log.js";
import type { Metrics } from "../record/metrics.js";
import type { Recorder } from "../record/record.js";
import { compileBundle } from "../rego/build.js";
import type { Toolchain } from "../rego/toolchain.js";
import type { Epochs } from "../state/epochs/epochs.js";
import { readMatch as readEpoch } from "../state/epochs/seal.js";
import { identityHandles } from "../state/fences/handles.js";
import { readMatch } from "../state/fences/match.js";
import type { OpenedFences } from "../state/fences/open.js";
import type { WiredPush } from "./push.js";

export interface WireFencesParts {
  readonly config: Pick<SidecarConfig, "publicUrl" | "decision"> & {
    readonly operator?: OperatorConfig | undefined;
  };
  readonly fences: OpenedFences;
  readonly epochs: Epochs;
  readonly push: WiredPush;
  readonly identifier: Identifier;
  readonly recorder: Pick<Recorder, "fence" | "epoch" | "bundle">;
  readonly metrics: Pick<Metrics, "fences">;
  readonly toolchain: Toolchain;
  readonly cacheDir?: string | undefined;
  readonly log: Log;
}

/** The operator policy that comes with the product. */
const shipped = fileURLToPath(new URL("../../../operator", import.meta.url));
const pageBytes = 65_536;
/** What fences by itself; people's fences are recorded where they ask. */
const byItself = /^(?:rule|policy|signal):/;

/**
 * Opens the routes of fences, epochs and pushed bundles. Without the section `operator`, nobody is an operator.
 * @throws Error where the operator policy or a key can't be loaded
 */
export async function wireFences(parts: WireFencesParts): Promise<OperatorDoor> {
  const { config, fences, recorder, metrics, log } = parts;
  metrics.fences.readFrom(fences.status);
  fences.observe((event) => {
    if ("count" in event) metrics.fences.event(event.kind, event.count);
    else if (!("fence" in event)) metrics.fences.event(event.kind, 1);
    else if (event.here && byItself.test(event.fence.by) && event.kind === "added") {
      const { id, match, reason, by, expires } = event.fence;
      const entry = { action: "add", result: "done", fence: id, ...{ match, reason, by } } as const;
      const written = recorder.fence({ ...entry, ...(expires === undefined ? {} : { expires }) });
      written?.catch(() => {
        log.error("a fence was not recorded", { fence: id });
      });
    }
  });
  const operators = config.operator === undefined ? undefined : await open(parts, config.operator);
  const common = {
    ...(operators === undefined ? {} : { operators }),
    ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }),
    onFault(error: unknown) {
      log.error("request failed", {
        door: "operators",
        fault: error instanceof Error ? error.name : "unknown",
      });
    },
  };
  const aboutFences = createFencesDoor({ ...common, fences, readMatch, record: recorder.fence });
  const aboutEpochs = createEpochsDoor({
    ...common,
    ...{ epochs: parts.epochs, fences, readMatch: readEpoch, record: recorder.epoch },
  });
  const aboutBundles = createBundlesDoor({ ...common, ...parts.push, fences, record: recorder.bundle });
  return (req, res) => aboutFences(req, res) || aboutEpochs(req, res) || aboutBundles(req, res);
}

/** INVARIANT: the policy is an instance of its own, from its own path: no bundle, no written data reach it. */
async function open(parts: WireFencesParts, operator: OperatorConfig): Promise<Operators> {
  const { toolchain, cacheDir, config, identifier, log } = parts;
  const built = await compileBundle({
    ...{ path: operator.bundle ?? shipped, toolchain, entrypoints: [operator.entrypoint] },
    ...(cacheDir === undefined ? {} : { cacheDir }),
  });
  if (built.kind === "rejected") {
    const [first] = built.errors;
    throw new Error(`the operator policy: ${first?.message ?? "the build failed"}`);
  }
  const policy = loadPolicy({
    ...{ wasm: built.bundle.wasm, data: built.bundle.data },
    ...{ budget: config.decision.budget, maxPages: (config.decision.maxMemoryMb * 2 ** 20) / pageBytes },
    builtins: serveBuiltins({
      labels: {},
      print: (line) => {
        log.debug("print", { line });
      },
    }),
  });
  return openOperators({
    config: operator,
    evaluate: (entrypoint, input) => policy.evaluate(entrypoint, input),
    parseDecision,
    identify: async (credentials) => identifier.identify(credentials),
    identityHandles,
  });
}
