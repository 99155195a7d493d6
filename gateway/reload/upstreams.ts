/** Holds what upstreams need beyond their configuration (credentials, certificates, connections) while a configuration names them. */
import type { UpstreamTls } from "../../sidecar/contract.js";
import type { GatewayConfig, UpstreamConfig } from "../config.js";
import type { ConnectTls, Forward } from "../forward/forward.js";
import { createForwarder } from "../forward/forward.js";
import type { Dial, Pass } from "../forward/pass.js";
import type { OpenSecrets, Secrets } from "../secrets/open-secrets.js";
import type { SecretConfig } from "../secrets/read-config.js";
import type { Secret } from "../secrets/secret.js";
import { secretsOf as secretsIn } from "../upstreams/secrets-of.js";
import { createProving, prepare } from "../upstreams/create-proving.js";
import type { TokenFailed } from "../upstreams/create-proving.js";

export interface Upstreams {
  readonly forward: Forward;
  /** For named routes. */
  readonly pass: Pass;
  readonly dial: Dial;
  /** Reads an open credential as it is now. @throws Error where it isn't open */
  readonly readSecret: (source: SecretConfig) => string;
  /**
   * Opens what a configuration's upstreams need; what another one holds already is shared.
   * @returns lets go of them
   * @throws Error where a credential or a certificate can't be had; nothing has changed then
   */
  enter(config: GatewayConfig): Promise<() => void>;
  close(): Promise<void>;
}

export interface UpstreamsParts {
  readonly secrets: Secrets;
  /** @throws Error where a certificate can't be had */
  readonly connect: (tls: UpstreamTls) => Promise<ConnectTls>;
  /** Told why there is no access token for an upstream. */
  readonly tokenFailed?: TokenFailed;
}

interface Held {
  readonly tls: ConnectTls | undefined;
  holders: number;
}

export function createUpstreams({ secrets, connect, tokenFailed }: UpstreamsParts): Upstreams {
  const held = new Map<UpstreamConfig, Held>();
  const open = new Set<OpenSecrets>();
  const secretsOf = new WeakMap<SecretConfig, OpenSecrets>();
  const secretOf = (config: SecretConfig): Secret => {
    const opened = secretsOf.get(config);
    if (opened === undefined) throw new Error("the credential isn't open");
    return opened.of(config);
  };
  const readSecret = (config: SecretConfig): string => secretOf(config).values()[0];
  const proving = createProving({ read: readSecret, tokenFailed });
  const forwarder = createForwarder({
    secretOf,
    proving,
    tlsOf: (upstream) => held.get(upstream)?.tls,
  });
  const leave = (upstream: UpstreamConfig): void => {
    const one = held.get(upstream);
    if (one === undefined || --one.holders > 0) return;
    held.delete(upstream);
    // what is under way ends in peace
    forwarder.leave(upstream).catch(() => undefined);
    one.tls?.close();
  };
  return {
    forward: forwarder.forward,
    pass: forwarder.pass,
    dial: forwarder.dial,
    readSecret,
    async enter(config) {
      const upstreams = upstreamsOf(config);
      const configs = [...upstreams.flatMap(secretsIn), ...secretsOfChildren(config)];
      const opened = await secrets.open(configs);
      const entered: UpstreamConfig[] = [];
      const leaveAll = (): void => {
        for (const one of entered.splice(0)) leave(one);
        open.delete(opened);
        opened.close();
      };
      try {
        for (const upstream of upstreams) {
          const known = held.get(upstream);
          if (known === undefined) {
            await prepare(upstream);
            const tls = upstream.tls === undefined ? undefined : await connect(upstream.tls);
            held.set(upstream, { tls, holders: 1 });
          } else known.holders++;
          entered.push(upstream);
        }
      } catch (error) {
        leaveAll();
        throw error;
      }
      open.add(opened);
      for (const one of configs) secretsOf.set(one, opened);
      return leaveAll;
    },
    async close() {
      for (const one of open) one.close();
      await Promise.all([forwarder.close(), proving.close()]);
    },
  };
}

/** What tool servers are given that are children of the gateway's. */
function secretsOfChildren({ servers }: GatewayConfig): SecretConfig[] {
  return [...servers.values()].flatMap(({ command }) =>
    command === undefined ? [] : [...command.env.values()],
  );
}

function upstreamsOf(config: GatewayConfig): UpstreamConfig[] {
  const stores = [...config.stores.values()].map(({ upstream }) => upstream);
  const routes = [...config.routes.values()].map(({ upstream }) => upstream);
  const servers = [...config.servers.values()].flatMap(({ upstream }) => upstream ?? []);
  const agents = [...config.agents.values()].flatMap(({ upstream, card }) => [upstream, card]);
  return [...config.upstreams.values(), ...agents, ...servers, ...stores, ...routes];
}
