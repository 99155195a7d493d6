/** The composition root of the sidecar: reads files and the environment, wires the steps, listens. */
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createControl } from "./api/control.js";
import { createJwks } from "./api/jwks.js";
import { createDataDoor } from "./api/data.js";
import { createFindPeer } from "./api/peers.js";
import { createDecisionsDoor } from "./api/decisions.js";
import { createFramesDoor } from "./api/frames.js";
import type { Door } from "./api/http.js";
import type { Address, Listening } from "./api/listen.js";
import { doorOf, listen, parseAddress } from "./api/listen.js";
import { createPoliciesDoor } from "./api/policies.js";
import type { SidecarDoors } from "./api/server.js";
import { createListener, faultName } from "./api/server.js";
import { guardListeners } from "./api/require-certificate.js";
import { createWriteDataDoor } from "./api/write-data.js";
import { openAssertions } from "./assert/open.js";
import type { Authorize } from "./authorize.js";
import { createAuthorize } from "./authorize.js";
import { currentOnly } from "./bundles/current-only.js";
import { createDocuments } from "./bundles/documents.js";
import { parseDataPath, parsePatchList } from "./bundles/patch-list.js";
import type { BundleStore } from "./bundles/store.js";
import { createBundleStore } from "./bundles/store.js";
import { createWriteData } from "./bundles/write-data.js";
import { createWritePolicies, policyOf } from "./bundles/write-policies.js";
import type { SidecarConfig } from "./config.js";
import { applySets, parseSidecarConfig } from "./config.js";
import type { Decision, DecisionRequest, Json, Outcome } from "./contract.js";
import { parseJson, peerCertificates } from "./contract.js";
import { createNetwork } from "./decide/builtins/network/network.js";
import { serveBuiltins } from "./decide/builtins/serve.js";
import { connectCache } from "./decide/cache/connect.js";
import { createKeyer } from "./decide/cache/key.js";
import { createModuleCache } from "./decide/engine/modules.js";
import { createEvaluate } from "./decide/evaluate.js";
import type { Policy } from "./decide/policy.js";
import { loadPolicy } from "./decide/policy.js";
import { createDescriber } from "./describe/describe.js";
import { createMethods } from "./identify/create-methods.js";
import { createIdentifier } from "./identify/identify.js";
import { createDecisionLog } from "./record/decision-log.js";
import type { LogRecord } from "./record/event.js";
import { createEventWriter } from "./record/event.js";
import { createDigest } from "./record/fact.js";
import type { Log, LogFormat, LogLevel } from "./record/log.js";
import { createProcessLog } from "./record/log.js";
import { createMetrics } from "./record/metrics.js";
import type { Metrics } from "./record/metrics.js";
import { publicConfig } from "./public-config.js";
import { createRecorder } from "./record/record.js";
import { weigh } from "./record/weigh.js";
import { fileSink, streamSink } from "./record/sink.js";
import { compileBundle } from "./rego/build.js";
import { createToolchain } from "./rego/toolchain.js";
import { createTls } from "./tls.js";

export interface SidecarOptions {
  /** Paths of bundles: directories or `.tar.gz`. `name=path` names one. */
  readonly bundles: readonly string[];
  readonly addresses: readonly string[];
  readonly diagnosticAddresses: readonly string[];
  readonly config: Json;
  /** `key=value` pairs laid over the configuration. */
  readonly sets: readonly string[];
  readonly watch: boolean;
  readonly cacheDir?: string;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
  readonly version: string;
}

export interface Sidecar {
  readonly addresses: readonly string[];
  readonly authorize: Authorize;
  /** For an enforcement point in the same process. What it asks and tells must not change any more. */
  readonly own: {
    decide(request: DecisionRequest): Promise<Decision[]>;
    record(outcome: Outcome): void;
  };
  readonly bundles: BundleStore;
  readonly metrics: Metrics;
  readonly log: Log;
  close(): Promise<void>;
}

const pageBytes = 65_536;
/** Events that are as they should be; the others are warnings. */
const goodNews: ReadonlySet<string> = new Set([
  ...["keys_refreshed", "api_keys_read", "trust_bundle_changed", "svid_changed", "tls_certificate_changed"],
]);
/** Name of the bundle that policies written through the API make. */
const apiBundle = "api";

/**
 * Starts a sidecar.
 * @throws ConfigRefused with every problem; Error where an address can't be had or no bundle could be activated.
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const config = parseSidecarConfig(applySets(options.config, options.sets, parseJson));
  const addresses = options.addresses.map(parseAddress);
  const diagnostics = options.diagnosticAddresses.map(parseAddress);
  const now = Date.now;
  const micros = (): number => performance.now() * 1000;
  const log = createProcessLog({ ...options.log, write: (text) => process.stderr.write(text) });
  const metrics = createMetrics({ process: true });

  const toolchain = createToolchain({});
  const maxPages = (config.decision.maxMemoryMb * 2 ** 20) / pageBytes;
  const { allowNet } = config.decision;
  const network = allowNet.length === 0 ? undefined : createNetwork({ hosts: allowNet });
  const compileModule = createModuleCache();
  const resolveBuiltin = serveBuiltins({
    labels: config.labels,
    print: (line) => {
      log.debug("print", { line });
    },
    ...(network === undefined ? {} : { network: network.builtins }),
  });
  const documents = config.api.writes ? createDocuments() : undefined;
  const sources = options.bundles.map(sourceOf);
  if (documents !== undefined && sources.some(({ name }) => name === apiBundle)) {
    throw new Error(`with api.writes no bundle may be named ${apiBundle}`);
  }
  const strict = config.decision.strictBuiltinErrors;
  const bundles = createBundleStore({
    sources,
    ...(documents === undefined ? {} : { documents }),
    compile: (path) =>
      compileBundle({
        path,
        toolchain,
        ...(options.cacheDir === undefined ? {} : { cacheDir: options.cacheDir }),
      }),
    loadPolicy: ({ wasm, data }) => {
      const policy = loadPolicy({
        wasm,
        data,
        budget: config.decision.budget,
        maxPages,
        builtins: resolveBuiltin,
        compile: compileModule,
      });
      return strict ? strictly(policy) : policy;
    },
    createKeyer: strict
      ? (keyed) => createKeyer({ ...keyed, bundleDigest: `strict ${keyed.bundleDigest}` })
      : createKeyer,
    now,
    log,
    onActivated: ({ name, revision, activatedAt, entrypoints }) => {
      metrics.bundleActivated({ name, revision, at: activatedAt, entrypoints: [...entrypoints.keys()] });
    },
    onRejected: metrics.bundleRejected,
  });

  const cache = config.cache.enabled ? connectCache({ config: config.cache, now, micros, log }) : undefined;
  const evaluate = createEvaluate({
    ...(cache === undefined
      ? {}
      : { cache: documents === undefined ? cache : currentOnly(cache, documents) }),
    cacheTtl: config.cache.ttl,
    now,
    micros,
  });
  const describer = createDescriber({ now, timeZone: config.timeZone, networks: config.networks });
  const identity = createMethods(config.identity, {
    now,
    fetch,
    onEvent: (event) => {
      log[goodNews.has(event.kind) ? "info" : "warn"](event.kind, { ...event });
    },
  });
  const tls = createTls({
    now,
    onEvent: (event) => {
      log[goodNews.has(event.kind) ? "info" : "warn"](event.kind, { ...event });
    },
  });
  const identifier = createIdentifier({
    methods: identity.methods,
    onError: (error) => {
      log.warn("identifying failed", { error });
    },
  });
  const decisionLog = await openDecisionLog(config, options.version, metrics);
  const recorder = createRecorder({
    metrics,
    ...(decisionLog === undefined ? {} : { decisionLog }),
    log,
    locate: describer.locate,
    now,
  });
  const assertions =
    config.assertion === undefined
      ? undefined
      : await openAssertions({ config: config.assertion, newId: randomUUID, now, log });
  const authorize = createAuthorize({
    ...(assertions === undefined ? {} : { assert: assertions.assert }),
    ...(identity.nonces === undefined ? {} : { dpopNonce: identity.nonces.issue }),
    identifier,
    describer,
    evaluate,
    bundles: bundles.current,
    record: recorder.decision,
    onRefused: metrics.identityFailed,
    entrypoint: config.decision.entrypoint,
    newId: randomUUID,
    now,
    micros,
  });

  const { decisions, outcomes } = createDecisionsDoor({
    authorize,
    recordOutcome: recorder.outcome,
    findPeer: createFindPeer({
      peers: config.peers.map(({ name, tokenFile, spiffeId }) => ({
        name,
        ...(tokenFile === undefined ? {} : { tokenDigest: readTokenDigest(tokenFile) }),
        ...(spiffeId === undefined ? {} : { spiffeId }),
      })),
      async workloadOf({ socket }) {
        const chain = peerCertificates(socket);
        const outcome = chain === undefined ? undefined : await identity.methods.certificates?.(chain);
        return outcome?.kind === "verified" ? outcome.workload?.id : undefined;
      },
    }),
    ...(config.publicUrl === undefined ? {} : { publicUrl: config.publicUrl }),
    newId: randomUUID,
    maxBody: config.maxBody,
  });
  const { maxBody } = config;
  const writes =
    documents === undefined
      ? undefined
      : createWriteData({ documents, bundles, apiBundle, maxBytes: config.api.maxDataBytes });
  const policies =
    documents === undefined
      ? undefined
      : createWritePolicies({
          compile: (files, entrypoints) => compileBundle({ files, entrypoints, toolchain }),
          bundles,
          documents,
          apiBundle,
          maxBytes: config.api.maxDataBytes,
        });
  const observe = (door: string, status: number): void => {
    metrics.httpAnswered(door === "decisions" ? "decisions" : door === "data" ? "opa" : "admin", status);
  };
  const doors: SidecarDoors = {
    decisions,
    outcomes,
    writeData: createWriteDataDoor({
      ...(writes === undefined ? {} : { writes }),
      parsePath: parseDataPath,
      parsePatch: parsePatchList,
      micros,
      maxBody,
    }),
    policies: createPoliciesDoor({ ...(policies === undefined ? {} : { policies }), maxBody }),
    data: createDataDoor({
      bundles: bundles.current,
      written: (path) => documents?.text(path),
      fileName: policyOf,
      strict,
      evaluate,
      record: recorder.data,
      newId: randomUUID,
      micros,
      maxBody: config.maxBody,
    }),
    control: createControl({
      status: bundles.status,
      metrics: async () => ({ contentType: metrics.registry.contentType, body: await metrics.text() }),
      config: () => publicConfig(config),
      ...(assertions === undefined ? {} : { jwks: createJwks(assertions.keys) }),
      version: options.version,
    }),
    observe,
    log,
  };
  const frames = createFramesDoor({
    authorize,
    recordOutcome: recorder.outcome,
    maxBody,
    observe,
    onFault: (error) => {
      log.error("request failed", { door: "decisions", fault: faultName(error) });
    },
  });

  const listening: Listening[] = [];
  const close = async (): Promise<void> => {
    bundles.close();
    frames.close();
    await Promise.all(listening.map((one) => one.close()));
    tls.close();
    identity.close();
    assertions?.close();
    await network?.close();
    await decisionLog?.close();
    await cache?.close();
    await toolchain.close();
  };
  try {
    await bundles.load();
    const failed = bundles.status().filter((bundle) => bundle.active_revision === undefined);
    if (failed.length > 0) {
      throw new Error(
        failed.map(({ name, message }) => `bundle ${name}: ${message ?? "not activated"}`).join("\n"),
      );
    }
    const serveTls = config.tls === undefined ? undefined : await tls.serve(config.tls);
    const guard = guardListeners(config.tls, identity.methods.certificates);
    const open = async (address: Address, listener: RequestListener, door?: Door): Promise<void> => {
      const secured = address.kind === "tcp" && address.tls !== false;
      const upgrade = door?.trusted === true ? frames.upgradeAt(door) : undefined;
      listening.push(
        await listen(address, secured ? guard(listener) : listener, {
          tls: serveTls,
          ...(upgrade === undefined ? {} : { upgrade }),
        }),
      );
    };
    const serve = (address: Address, door: Door): Promise<void> =>
      open(address, createListener(doors, door), door);
    for (const address of addresses) await serve(address, doorOf(address));
    for (const { name, socket } of config.peers) {
      if (socket === undefined) continue;
      const address = { kind: "unix", path: socket } as const;
      await serve(address, { ...doorOf(address), peer: name });
    }
    for (const address of diagnostics) await open(address, doors.control);
    if (options.watch) bundles.watch();
  } catch (error) {
    await close();
    throw error;
  }
  const own: Sidecar["own"] = {
    decide: (request) => authorize(request, { bytes: weigh(request), by: "own" }),
    record: (outcome) => {
      recorder.outcome(outcome, "own");
    },
  };
  return { addresses: listening.map((one) => one.address), authorize, own, bundles, metrics, log, close };
}

async function openDecisionLog(config: SidecarConfig, version: string, metrics: Metrics) {
  const { console, file, input } = config.decisionLogs;
  if (!console && file === undefined) return undefined;
  const sink =
    file === undefined
      ? streamSink(process.stdout)
      : await fileSink(file, { sync: config.audit.mode === "strict" });
  return createDecisionLog<LogRecord>({
    sink,
    mode: config.audit.mode,
    line: createEventWriter({
      labels: { id: randomUUID(), version, ...config.labels },
      digest: createDigest(),
      input,
    }),
    onEvents: metrics.decisionLog,
  });
}

/** The same policy; an error of a built-in fails each evaluation. */
function strictly(policy: Policy): Policy {
  return {
    ...policy,
    evaluate: (entrypoint, input, given) =>
      policy.evaluate(entrypoint, input, { ...given, strictBuiltinErrors: true }),
  };
}

function sourceOf(text: string, index: number): { name: string; path: string } {
  const match = /^([\w.-]+)=(.+)$/.exec(text);
  const [, name, path] = match ?? [];
  return { name: name ?? (index === 0 ? "default" : `bundle-${index}`), path: path ?? text };
}

function readTokenDigest(path: string): Buffer {
  const token = readFileSync(path, "utf8").trim();
  if (token.length < 32) throw new Error(`the PEP token in ${path} is too short: at least 32 characters`);
  return createHash("sha256").update(token).digest();
}
