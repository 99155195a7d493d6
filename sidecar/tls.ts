/** TLS of listeners and towards upstreams, by files or as a workload: wires net/ and identify/spiffe. */
import type { buildConnector } from "undici";
import type { KeyPairPlace, ListenerTls, UpstreamTls } from "./contract.js";
import { createSpiffeConnector } from "./identify/spiffe/connect-spiffe.js";
import { parseWorkloadId } from "./identify/spiffe/spiffe-id.js";
import { defaultSpiffeLimits, type SpiffeEvent } from "./identify/spiffe/types.js";
import { verifyX509Svid } from "./identify/spiffe/verify-x509-svid.js";
import { createWorkloadApi, type WorkloadApi } from "./identify/spiffe/workload-api.js";
import { watchKeyPair, type KeyPairEvent, type KeyPairSource } from "./net/key-pair.js";
import { loadUndici } from "./net/load.js";
import { createServeTls, type ServeTls } from "./net/serve-tls.js";

export interface TlsParts {
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly onEvent: (event: KeyPairEvent | SpiffeEvent) => void;
}

/** How to connect to an upstream, as certificates change. */
export interface ConnectTls {
  /** Another one where connections made so far are of the past. */
  version(): string;
  /** Makes connections with what counts now. */
  connector(timeoutMs: number): buildConnector.connector;
  /** Stops watching what is this connection's own; agents are shared. */
  close(): void;
}

export interface Tls {
  /** @throws Error where there is no certificate to begin with */
  serve(config: ListenerTls): Promise<ServeTls>;
  /** @throws Error where files can't be read */
  connect(config: UpstreamTls): Promise<ConnectTls>;
  close(): void;
}

/** How long bundles serve after the agent was last heard of. */
const surviveMs = 86_400_000;

/** Creates the part that opens TLS settings; agents are shared by their sockets. */
export function createTls({ now, onEvent }: TlsParts): Tls {
  const limits = defaultSpiffeLimits;
  const agents = new Map<string, WorkloadApi>();
  const closers: (() => void)[] = [];
  const closing = new AbortController();

  function agentOf({ socket, spiffeId }: Extract<KeyPairPlace, { kind: "workload_api" }>): WorkloadApi {
    const key = JSON.stringify([socket, spiffeId]);
    const known = agents.get(key);
    if (known !== undefined) return known;
    const agent = createWorkloadApi({
      ...{ socket, now, onEvent, limits },
      ...(spiffeId === undefined ? {} : { spiffeId }),
    });
    agents.set(key, agent);
    closers.push(agent.close);
    return agent;
  }
  async function files(places: Omit<Parameters<typeof watchKeyPair>[0], "onEvent">) {
    const watched = await watchKeyPair({ ...places, onEvent });
    closers.push(watched.close);
    return watched;
  }

  async function connectAsWorkload(config: Extract<UpstreamTls, { kind: "spiffe" }>): Promise<ConnectTls> {
    const agent = agentOf(config.own);
    const own = agent.svid();
    const trustDomain = parseWorkloadId(config.peerId)?.trustDomain ?? "";
    const feed = agent.feed({ trustDomain, now, onEvent, limits, surviveMs, closed: closing.signal });
    await Promise.all([own.ready(), feed.refresh(now())]);
    const verify = (chain: readonly Buffer[]): boolean => {
      const find = (name: string) => (name === trustDomain ? feed.current(now())?.authorities : undefined);
      const svid = verifyX509Svid(chain, find, now(), "server");
      return svid.kind === "svid" && svid.spiffeId.id === config.peerId;
    };
    return {
      version: () => `${own.current()?.version ?? ""} ${feed.current(now())?.digests.x509 ?? ""}`,
      connector(timeoutMs) {
        const pair = own.current();
        if (pair === undefined)
          return (_options, callback) => callback(new Error("no SVID of our own"), null);
        return createSpiffeConnector({ verify, own: pair, timeoutMs });
      },
      close: () => undefined,
    };
  }

  async function connectByFiles(config: Extract<UpstreamTls, { kind: "files" }>): Promise<ConnectTls> {
    const { own, caFile, refreshSeconds } = config;
    const watched = await files({ files: own, caFile, refreshMs: refreshSeconds * 1_000 });
    let version = 0;
    watched.onChange(() => {
      version += 1;
    });
    return {
      version: () => String(version),
      connector(timeoutMs) {
        const [pair, ca] = [watched.current(), watched.ca()];
        return loadUndici().buildConnector({
          ...(pair === undefined ? {} : { cert: pair.cert, key: pair.key }),
          ...(ca === undefined ? {} : { ca }),
          minVersion: "TLSv1.2",
          maxCachedSessions: 0,
          timeout: timeoutMs,
        });
      },
      close: watched.close,
    };
  }

  return {
    async serve({ own, clientCertificates, caFile, refreshSeconds }) {
      const watched =
        own.kind === "files" || caFile !== undefined
          ? await files({
              files: own.kind === "files" ? own : undefined,
              ...{ caFile, refreshMs: refreshSeconds * 1_000 },
            })
          : undefined;
      const svid = own.kind === "workload_api" ? agentOf(own).svid() : undefined;
      await svid?.ready();
      const source = bothOf(svid, watched);
      if (source?.current() === undefined) throw new Error("the agent gave no X.509-SVID to listen with");
      const ca = watched === undefined || caFile === undefined ? undefined : watched.ca;
      return createServeTls({ own: source, clientCertificates, ...(ca === undefined ? {} : { ca }) });
    },
    connect: (config) => (config.kind === "spiffe" ? connectAsWorkload(config) : connectByFiles(config)),
    close() {
      closing.abort();
      for (const close of closers) close();
    },
  };
}

/** The pair of an agent, told anew when a file of CAs changes too; or the pair of files. */
function bothOf(
  svid: KeyPairSource | undefined,
  watched: KeyPairSource | undefined,
): KeyPairSource | undefined {
  if (svid === undefined || watched === undefined) return svid ?? watched;
  return {
    ...svid,
    onChange(listener) {
      svid.onChange(listener);
      watched.onChange(listener);
    },
  };
}
