/** Opens the operators' own policy and keys, apart from all bundles. */
import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Credentials, Handle, Identity, Json, Refusal } from "../contract.js";
import { refuse } from "../contract.js";
import type { PolicyDecision } from "../decide/parse-decision.js";
import type { Evaluation } from "../decide/policy.js";
import type { OperatorConfig, OperatorKeyConfig } from "./config.js";
import type { Operator, OperatorAction, OperatorDecision, OperatorSubject } from "./operator.js";
import { inputOf } from "./operator.js";

export interface OperatorParts {
  readonly config: OperatorConfig;
  /** Evaluates the operator policy. INVARIANT: loaded apart; no pushed bundle is asked. */
  readonly evaluate: (entrypoint: string, input: Json) => Evaluation;
  readonly parseDecision: (value: unknown) => PolicyDecision | undefined;
  /** Tells who presents credentials that are no operator key. */
  readonly identify: (
    credentials: Credentials,
  ) => Promise<{ readonly kind: "identified"; readonly identity: Identity } | Refusal>;
  readonly identityHandles: (identity: Identity) => readonly Handle[];
}

export interface Operators {
  /** Tells which operator asks. @param authorization the header, where there is one */
  know(
    authorization: string | undefined,
    credentials: () => { readonly kind: "credentials"; readonly credentials: Credentials } | Refusal,
  ): Promise<{ readonly kind: "operator"; readonly operator: Operator } | Refusal>;
  /** Asks the operator policy. INVARIANT: whatever isn't a literal allow is a refusal. */
  decide(operator: Operator, action: OperatorAction, about: OperatorSubject): Promise<OperatorDecision>;
}

interface Key {
  readonly digest: Buffer;
  readonly operator: Operator;
}

/** @throws Error where the file of a key can't be read, is too short, or is another key's, too */
export function openOperators(parts: OperatorParts): Operators {
  const { config, evaluate, parseDecision, identify, identityHandles } = parts;
  const keys = config.keys.map(readKey);
  for (const [i, { digest, operator }] of keys.entries()) {
    const other = keys.slice(0, i).find((one) => one.digest.equals(digest));
    if (other !== undefined) throw new Error(`${operator.id} and ${other.operator.id} are the same key`);
  }
  return {
    async know(authorization, credentials) {
      const operator = ownerOf(authorization, keys);
      if (operator !== undefined) return { kind: "operator", operator };
      const presented = credentials();
      if (presented.kind === "refusal") return presented;
      const identified = await identify(presented.credentials);
      if (identified.kind === "refusal") return refuse("operator_unauthenticated");
      return { kind: "operator", operator: operatorOf(identified.identity, identityHandles) };
    },
    async decide(operator, action, about) {
      const refused: OperatorDecision = { allow: false, reasons: [] };
      const evaluation = evaluate(config.entrypoint, inputOf(operator, action, about));
      const answer = evaluation.kind === "pending" ? await evaluation.settled : evaluation;
      if (answer.kind !== "value") return refused;
      const decision = parseDecision(answer.value);
      // duties that nobody carries out aren't done
      if (decision === undefined || decision.obligations.length > 0) return refused;
      return { allow: decision.allow === true, reasons: decision.reasons };
    },
  };
}

/** INVARIANT: every key is compared, in constant time. */
function ownerOf(authorization: string | undefined, keys: readonly Key[]): Operator | undefined {
  const [scheme, token, ...rest] = (authorization ?? "").split(" ");
  if (scheme?.toLowerCase() !== "bearer" || token === undefined || rest.length > 0) return undefined;
  const digest = createHash("sha256").update(token).digest();
  let owner: Operator | undefined;
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) owner = key.operator;
  return owner;
}

function readKey({ name, tokenFile, roles, person, tenant }: OperatorKeyConfig): Key {
  const token = readFileSync(tokenFile, "utf8").trim();
  if (token.length < 32)
    throw new Error(`the operator key in ${tokenFile} is too short: at least 32 characters`);
  return {
    digest: createHash("sha256").update(token).digest(),
    operator: {
      ...{ id: `key:${name}`, person: person ?? `key:${name}`, by: "key", roles, groups: [], handles: [] },
      ...(tenant === undefined ? {} : { tenant }),
    },
  };
}

/** INVARIANT: nobody is taken for a key, or for what fences by itself, because their identity provider calls them so. */
function personOf(id: string): string {
  return /^(?:key|rule|policy|signal|person):/i.test(id) ? `person:${id}` : id;
}

/** The person is who stands at the beginning of the chain: through whichever agent they ask, they are one. */
function operatorOf(
  identity: Identity,
  identityHandles: (identity: Identity) => readonly Handle[],
): Operator {
  const { id, chain, roles, groups, tenant, issuer } = identity;
  return {
    ...{ id, person: personOf(chain[0]?.id ?? id), by: "identity", roles, groups, tenant, issuer },
    handles: identityHandles(identity),
  };
}
