/** The composition root of the sidecar: reads files and the environment, wires the steps, listens. */
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createControl } from "./api/control.js";
import { createJwks } from "./api/jwks.js";
import { createDataDoor } from "./api/data.js";
import { createExplainDoor } from "./api/explain.js";
import { createFindPeer } from "./api/peers.js";
import { createPoints } from "./api/points.js";
import { createDecisionsDoor } from "./api/decisions.js";
import { createFramesDoor } from "./api/frames.js";
import type { Door } from "./api/http.js";
import type { Address, Listening } from "./api/listen.js";
import { doorOf, listen, parseAddress } from "./api/listen.js";
import { createPlainData } from "./api/plain-data.js";
import { createPoliciesDoor } from "./api/policies.js";
import type { SidecarDoors } from "./api/server.js";
import { createListener, faultName } from "./api/server.js";
import { guardListeners } from "./api/require-certificate.js";
import { createWriteDataDoor } from "./api/write-data.js";
import { openAssertions } from "./assert/open.js";
import type { Authorize } from "./pipeline/authorize.js";
import { createAuthorize } from "./pipeline/authorize.js";
import { parseDataPath, parsePatchList } from "./bundles/patch-list.js";
import type { BundleStore } from "./bundles/store.js";
import { createWriteData } from "./bundles/write-data.js";
import { createWritePolicies, policyOf } from "./bundles/write-policies.js";
import type {
  Decision,
  DecisionRequest,
  Extended,
  Extension,
  FencePoint,
  Json,
  Outcome,
} from "./contract.js";
import { peerCertificates } from "./contract.js";
import { watchClock } from "./decide/clock.js";
import { explain } from "./decide/cache/explain.js";
import { createDescriber } from "./describe/describe.js";
import { createMethods } from "./identify/create-methods.js";
import { createIdentifier } from "./identify/identify.js";
import type { Log, LogFormat, LogLevel } from "./record/log.js";
import { createProcessLog } from "./record/log.js";
import { createMetrics } from "./record/metrics.js";
import type { Metrics } from "./record/metrics.js";
import { publicConfig } from "./public-config.js";
import { createRecorder } from "./record/record.js";
import { weigh } from "./record/weigh.js";
import { compileBundle } from "./rego/build.js";
import { createTls } from "./tls.js";
import { apiBundle, openPolicies } from "./wire/policies.js";
import { forgetBumped, wireEpochs } from "./wire/epochs.js";
import { readConfig } from "./wire/config.js";
import { wireFences } from "./wire/fences.js";
import { wirePush } from "./wire/push.js";
import { openReplaceableLog } from "./wire/replaceable-log.js";
import { wireSignals } from "./wire/signals.js";
import type { Epochs } from "./state/epochs/epochs.js";
import type { OpenedFences } from "./state/fences/open.js";
import { createNews } from "./wire/news.js";
import { startOwning } from "./wire/own-directory.js";
import { openState } from "./wire/state.js";
import { wireTold } from "./wire/told.js";

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
  /** Epoch milliseconds; the system's clock unless given. */
  readonly now?: () => number;
  /** It is one of several processes that share the addresses. */
  readonly shared?: { readonly metricsText: () => Promise<string> };
}

export interface Sidecar {
  readonly addresses: readonly string[];
  readonly authorize: Authorize;
  /** For an enforcement point in the same process. What it asks and tells must not change any more. */
  readonly own: {
    decide(request: DecisionRequest): Promise<Decision[]>;
    record(outcome: Outcome): void;
    /** Gives a call under way more than its allowance. */
    extend(extension: Extension): Promise<Extended>;
    /** Takes an enforcement point in; gives what lets it go. */
    attach(point: FencePoint): () => void;
  };
  readonly bundles: BundleStore;
  readonly fences: OpenedFences;
  readonly epochs: Epochs;
  readonly metrics: Metrics;
  readonly log: Log;
  close(): Promise<void>;
}

/** Events that are as they should be; the others are warnings. */
const goodNews: ReadonlySet<string> = new Set([
  ...["keys_refreshed", "api_keys_read", "trust_bundle_changed", "svid_changed", "tls_certificate_changed"],
]);

/** Gives what is configured. @throws ConfigRefused */
export const configOf = (options: SidecarOptions) => readConfig(options, process.env);

/**
 * Starts a sidecar.
 * @throws ConfigRefused with every problem; Error where an address can't be had, no bundle could be activated, or another sidecar
 * has the persistence directory.
 */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const config = configOf(options);
  const log = createProcessLog({ ...options.log, write: (text) => process.stderr.write(text) });
  return startOwning(config.bundles.persistenceDirectory, log, () => start(options, config, log));
}

async function start(
  options: SidecarOptions,
  config: ReturnType<typeof configOf>,
  log: Log,
): Promise<Sidecar> {
  const addresses = options.addresses.map(parseAddress);
  const diagnostics = options.diagnosticAddresses.map(parseAddress);
  const clock = watchClock(options.now);
  const { now } = clock;
  const micros = (): number => performance.now() * 1000;
  const metrics = createMetrics({ process: true });

  const { cacheDir } = options;
  const epochs = wireEpochs({ config, metrics, log, now });
  const news = createNews(epochs);
  const policy = openPolicies({
    ...{ config, sources: options.bundles, cacheDir, metrics, log, clock, micros, epochs, news },
  });
  const { toolchain, bundles, documents, evaluate } = policy;
  const describer = createDescriber({ now, timeZone: config.timeZone, networks: config.networks });
  const identity = createMethods(config.identity, {
    now,
    fetch,
    onEvent: (event) => {
      log[goodNews.has(event.kind) ? "info" : "warn"](event.kind, { ...event });
      // what credentials are verified by is another
      if (goodNews.has(event.kind)) news.changed();
    },
  });
  forgetBumped(epochs, identity.forget);
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
  const { version } = options;
  const logParts = { config, version, metrics, log, bundles: bundles.current, now };
  const opened = await openReplaceableLog(logParts);
  const { decisionLog } = opened;
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
  const state = await openState({ config, ring: assertions?.ring, epochs, log, metrics, now });
  const points = createPoints(state.fences.subscribe);
  state.fences.serveCensus(points.count);
  const signals = wireSignals({
    ...{ config, epochs, log, now, fences: state.fences },
    ring: assertions?.ring,
    record: recorder.signal,
  });
  const push = await wirePush({ config, bundles, feeds: policy.feeds, log, now });
  const told = wireTold({ config, policy, opened, metrics, log, now, onConfigured: push.start });
  const operating = { epochs, identifier, recorder, metrics, toolchain, cacheDir, log, push };
  const fences = await wireFences({ config, fences: state.fences, ...operating }).catch(
    async (error: unknown) => {
      await Promise.all([
        ...[signals?.close(), push.close()],
        state.close(),
        epochs.close(),
        policy.close(),
        decisionLog?.close(),
      ]);
      throw error;
    },
  );
  const recordOutcome = (outcome: Outcome, by: string): void => {
    recorder.outcome(outcome, by);
    state.outcome(outcome, by);
  };
  const authorize = createAuthorize({
    state,
    reusable: config.audit.mode !== "strict" && config.fences.rules.length === 0,
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

  const { decisions, outcomes, extensions } = createDecisionsDoor({
    authorize,
    recordOutcome,
    extend: state.extend,
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
  const nobody = Object.freeze([]);
  const dataParts = {
    bundles: bundles.current,
    fileName: policyOf,
    strict: config.decision.strictBuiltinErrors,
    evaluate,
    epoch: () => epochs.of(nobody),
    newId: randomUUID,
    micros,
    maxBody,
  };
  const doors: SidecarDoors = {
    decisions,
    outcomes,
    extensions,
    writeData: createWriteDataDoor({
      ...(writes === undefined ? {} : { writes }),
      parsePath: parseDataPath,
      parsePatch: parsePatchList,
      micros,
      maxBody,
    }),
    policies: createPoliciesDoor({ ...(policies === undefined ? {} : { policies }), maxBody }),
    data: createDataDoor({ ...dataParts, written: (path) => documents?.text(path), record: recorder.data }),
    plainData: createPlainData({ ...dataParts, prepare: policy.prepare, recordAt: recorder.dataAt, observe }),
    control: createControl({
      status: bundles.status,
      document: told.document,
      metrics: async () => ({
        contentType: metrics.registry.contentType,
        body: await (options.shared?.metricsText ?? metrics.text)(),
      }),
      config: () => publicConfig(told.config()),
      jwks: createJwks(state.keys),
      ...(signals === undefined ? {} : { signals: signals.handle }),
      fences,
      explain: createExplainDoor({
        ...{ bundles: bundles.current, explain, tally: policy.tally },
        ...{ ttl: config.cache.ttl, denyTtl: config.cache.denyTtl, entrypoint: config.decision.entrypoint },
      }),
      version: options.version,
    }),
    observe,
    log,
  };
  const frames = createFramesDoor({
    authorize,
    recordOutcome,
    extend: state.extend,
    maxBody,
    observe,
    gone: state.engine.gone,
    attach: points.attach,
    news: news.subscribe,
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
    await Promise.all([signals?.close(), push.close(), told.close()]);
    await state.close();
    await epochs.close();
    assertions?.close();
    await decisionLog?.close();
    await policy.close();
  };
  try {
    await told.start();
    await push.start();
    const serveTls = config.tls === undefined ? undefined : await tls.serve(config.tls);
    const guard = guardListeners(config.tls, identity.methods.certificates);
    const open = async (address: Address, listener: RequestListener, door?: Door): Promise<void> => {
      const secured = address.kind === "tcp" && address.tls !== false;
      const upgrade = door?.trusted === true ? frames.upgradeAt(door) : undefined;
      listening.push(
        await listen(address, secured ? guard(listener) : listener, {
          tls: serveTls,
          prepared: options.shared !== undefined,
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
    async decide(request) {
      return authorize(request, { bytes: weigh(request), by: "own", holder: "own" });
    },
    record: (outcome) => {
      recordOutcome(outcome, "own");
    },
    extend: (extension) => state.extend(extension, "own"),
    attach: points.attach,
  };
  return {
    addresses: listening.map((one) => one.address),
    authorize,
    own,
    bundles,
    fences: state.fences,
    epochs,
    metrics,
    log,
    close,
  };
}

function readTokenDigest(path: string): Buffer {
  const token = readFileSync(path, "utf8").trim();
  if (token.length < 32) throw new Error(`the PEP token in ${path} is too short: at least 32 characters`);
  return createHash("sha256").update(token).digest();
}
