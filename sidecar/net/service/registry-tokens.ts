/**
 * Tokens of an OCI registry: it says with a 401 where one is to be had. Source: distribution, "Token Authentication
 * Specification"; OPA sends its credentials both to the registry and to where it says.
 */
import { Buffer } from "node:buffer";
import { isObject, JsonNumber, parseJson } from "../../contract.js";
import type { Credentials } from "./config.js";
import { isHere } from "./config.js";
import { tokenOf, type Proof, type Prover, type Unsigned } from "./credentials.js";
import type { Answer } from "./exchange.js";
import { Fault, faultOf } from "./fault.js";

/** Where a token is to be had, as a registry says. */
export interface Challenge {
  readonly realm: URL;
  readonly service?: string;
  readonly scope?: string;
}

export interface RegistryTokensParts {
  readonly credentials: Credentials;
  /** What it is told besides: a certificate, or a token by OAuth 2.0. */
  readonly prover: Prover;
  readonly base: URL;
  readonly allowPlaintext: boolean;
  /** Asks the realm, within bounds. @throws Fault */
  readonly ask: (url: URL, headers: Readonly<Record<string, string>>) => Promise<Answer>;
  /** Milliseconds of a monotonic clock. */
  readonly clock: () => number;
}

interface Held {
  readonly challenge: Challenge;
  readonly token?: string;
  readonly until: number;
}

/** Repositories whose tokens are held. */
const most = 256;
const mostOfHeader = 4_096;
/** As long as a token counts that doesn't say, and no longer than; milliseconds. */
const unsaidMs = 60_000;
const longestMs = 3_600_000;
const tokenPattern = /^[\x21-\x7e]{1,32768}$/;
const repositoryPattern = /\/v2\/(.+)\/(?:manifests|blobs|tags)\//;

/** Proves requests to a registry: by what is configured, and by the token that it asks for instead. */
export function createRegistryProver(parts: RegistryTokensParts): Prover {
  const held = new Map<string, Held>();
  const asking = new Map<string, Promise<string>>();

  const tokenFor = async (repository: string, { challenge }: Held, request: Unsigned): Promise<string> => {
    const url = new URL(challenge.realm);
    if (challenge.service !== undefined) url.searchParams.set("service", challenge.service);
    url.searchParams.set("scope", scopeOf(repository, challenge.scope));
    const from = parts.clock();
    try {
      const proof = await proofOf(parts, { ...request, method: "GET", url });
      const authorization = proof.headers["authorization"];
      const answer = await parts.ask(url, {
        accept: "application/json",
        ...(authorization === undefined ? {} : { authorization }),
      });
      const { token, lifeMs } = read(answer);
      held.set(repository, { challenge, token, until: from + lifeMs / 2 });
      return token;
    } catch (error) {
      // where it is to be had may have changed: the registry is asked again
      held.delete(repository);
      // whatever it is, it isn't the registry's own fault
      if (error instanceof Fault && error.fault === "credentials") throw error;
      throw new Fault("credentials", `where it gives its tokens: ${faultOf(error).message}`);
    }
  };

  return {
    async prove(request) {
      const repository = repositoryPattern.exec(request.url.pathname)?.[1] ?? "";
      const one = held.get(repository);
      let token = one !== undefined && parts.clock() < one.until ? one.token : undefined;
      if (one !== undefined && token === undefined) {
        // INVARIANT: a token is asked for once, however many wait for it
        const running = asking.get(repository) ?? tokenFor(repository, one, request);
        asking.set(repository, running);
        token = await running.finally(() => asking.delete(repository));
      }
      const proof = token === undefined ? await proofOf(parts, request) : undefined;
      return {
        ...(proof ?? {}),
        headers: proof?.headers ?? { authorization: `Bearer ${token ?? ""}` },
        refused(headers) {
          held.delete(repository);
          const challenge = readChallenge(headers["www-authenticate"], parts);
          if (challenge === undefined) return proof?.refused(headers) ?? false;
          if (held.size >= most) held.clear();
          held.set(repository, { challenge, until: 0 });
          return true;
        },
      };
    },
  };
}

/** OPA writes a registry's token in Base64: `user:password` of the scheme `Basic`. @throws Fault */
async function proofOf({ credentials, prover }: RegistryTokensParts, request: Unsigned): Promise<Proof> {
  if (credentials.kind !== "bearer") return prover.prove(request);
  const token = Buffer.from(await tokenOf(credentials)).toString("base64");
  return { headers: { authorization: `${credentials.scheme} ${token}` }, refused: () => false };
}

/**
 * Reads `WWW-Authenticate`; undefined where it names no realm that may be asked.
 * INVARIANT: credentials go over TLS, to this machine, or where they travel in the clear by the configuration's word.
 */
export function readChallenge(
  text: string | undefined,
  { base, allowPlaintext }: Pick<RegistryTokensParts, "base" | "allowPlaintext">,
): Challenge | undefined {
  if (text === undefined || text.length > mostOfHeader) return undefined;
  const start = /(?:^|, *)bearer +/i.exec(text);
  if (start === null) return undefined;
  const found = new Map<string, string>();
  const parameter = /([a-z_]{1,32})="([^"\\\u0000-\u001f]*)"(?: *, *)?/iy;
  parameter.lastIndex = start.index + start[0].length;
  for (let one = parameter.exec(text); one !== null; one = parameter.exec(text)) {
    const [, name = "", value = ""] = one;
    if (found.has(name.toLowerCase())) return undefined;
    found.set(name.toLowerCase(), value);
  }
  const [realm = "", service, scope] = ["realm", "service", "scope"].map((name) => found.get(name));
  if (!URL.canParse(realm)) return undefined;
  const url = new URL(realm);
  const plain =
    url.protocol === "http:" && base.protocol === "http:" && (isHere(url.hostname) || allowPlaintext);
  if (url.username + url.password + url.hash !== "" || !(url.protocol === "https:" || plain))
    return undefined;
  return {
    realm: url,
    ...(service === undefined ? {} : { service }),
    ...(scope === undefined ? {} : { scope }),
  };
}

/** No more is asked for than to pull, whatever a registry says. */
function scopeOf(repository: string, said = ""): string {
  return /^repository:[\w./:-]{1,512}:pull$/.test(said) ? said : `repository:${repository}:pull`;
}

/** @throws Fault that holds nothing of what was said */
function read({ status, bytes }: Answer): { token: string; lifeMs: number } {
  if (status !== 200)
    throw new Fault("credentials", `its tokens' service answers ${status}: check services.credentials`);
  let value: unknown;
  try {
    value = parseJson(bytes);
  } catch {
    value = undefined;
  }
  const said = isObject(value as never) ? (value as Record<string, unknown>) : {};
  const token = said["token"] ?? said["access_token"];
  if (typeof token !== "string" || !tokenPattern.test(token))
    throw new Fault("credentials", "its tokens' service answers without a token");
  const seconds = said["expires_in"];
  const isNumber = typeof seconds === "number" || seconds instanceof JsonNumber;
  const lifeMs = isNumber ? Number(seconds) * 1_000 : 0;
  return { token, lifeMs: lifeMs > 0 ? Math.min(lifeMs, longestMs) : unsaidMs };
}
