import { refuse, type Assurance, type Identity, type Refusal } from "../contract.js";
import { mintIdentity } from "./mint.js";
import type { KeyNames, SubjectFacts, Verified, WorkloadFacts } from "./verified.js";

/** Identities of single credentials, which most requests have: the same object serves all of them. */
const alone = new WeakMap<Verified, Identity>();

type Combined = { readonly kind: "combined"; readonly identity: Identity } | Refusal;

/**
 * Makes one identity of all that a request proved (the rules are written down in docs/identity.md).
 * INVARIANT: what contradicts is refused; nothing is picked.
 */
export function combine(credentials: readonly Verified[]): Combined {
  const [first] = credentials;
  const known = credentials.length === 1 && first !== undefined ? alone.get(first) : undefined;
  if (known !== undefined) return { kind: "combined", identity: known };

  const subjects = credentials.filter((one) => one.subject !== undefined);
  // two parties speak at once
  if (subjects.length > 1) return refuse("credentials_conflict", "more than one of them names a subject");
  const workload = oneWorkload(credentials);
  if (workload === "conflict") return refuse("credentials_conflict", "they prove different workloads");
  const proved = provedKeys(credentials);
  if (proved === "conflict") return refuse("credentials_conflict", "they prove different keys");
  // a credential bound to a key is worth nothing without a proof by that key
  for (const { boundTo } of credentials) {
    if (boundTo !== undefined && !isProved(boundTo, proved)) return refuse("token_binding");
  }
  const bearer = subjects[0];
  const presents = credentials.find((one) => one.workload !== undefined);
  const isActed = bearer?.needsWorkload === true;
  if (isActed && presents === undefined) return refuse("transaction_alone");
  const subject =
    isActed && bearer.subject !== undefined && workload !== undefined
      ? actedBy(bearer.subject, workload, presents?.credential.issuer)
      : (bearer?.subject ?? (workload === undefined ? undefined : subjectOf(workload, credentials)));
  // proofs and certificates without a tenant name nobody
  if (subject === undefined) return refuse("unauthenticated");
  if (workload !== undefined && !speaksFor(workload, subject.tenant)) {
    return refuse("credentials_conflict", "the workload's trust domain may not speak for the tenant");
  }
  const named = bearer ?? presents ?? first;
  if (named === undefined || named.method === "dpop" || named.method === "x5t") {
    return refuse("unauthenticated");
  }
  const identity = mintIdentity({
    ...subject,
    method: named.method,
    // what counts is how the caller proved itself
    assurance: assuranceOf(isActed && presents !== undefined ? presents : named, workload),
    ...(workload === undefined
      ? {}
      : {
          workload: { id: workload.id, trust_domain: workload.trustDomain, attested: workload.attested },
        }),
    ...keyOf(named, workload),
    ...issuedOf(named),
    credentials: credentials.map(({ credential }) => credential),
    expiresAt: Math.min(...credentials.map(({ expiresAt }) => expiresAt)),
  });
  if (credentials.length === 1 && first !== undefined) alone.set(first, identity);
  return { kind: "combined", identity };
}

/** INVARIANT: a token that was renewed is no newer than the sign-in that it rests on. */
function issuedOf({ issuedAt, subject }: Verified): Pick<Identity, "issuedAt"> {
  const signedIn = subject?.authentication?.at;
  if (issuedAt === undefined) return {};
  return { issuedAt: signedIn === undefined ? issuedAt : Math.min(issuedAt, Math.floor(signedIn * 1000)) };
}

function oneWorkload(credentials: readonly Verified[]): WorkloadFacts | undefined | "conflict" {
  const proved = credentials.flatMap(({ workload }) => (workload === undefined ? [] : [workload]));
  return proved.some(({ id }) => id !== proved[0]?.id) ? "conflict" : proved[0];
}

function provedKeys(credentials: readonly Verified[]): KeyNames | "conflict" {
  const all: { x5t?: string; jkt?: string } = {};
  for (const { proves } of credentials) {
    for (const name of ["x5t", "jkt"] as const) {
      const key = proves?.[name];
      if (key === undefined) continue;
      if (all[name] !== undefined && all[name] !== key) return "conflict";
      all[name] = key;
    }
  }
  return all;
}

function isProved(bound: KeyNames, proved: KeyNames): boolean {
  return (
    (bound.x5t !== undefined || bound.jkt !== undefined) &&
    (bound.x5t === undefined || bound.x5t === proved.x5t) &&
    (bound.jkt === undefined || bound.jkt === proved.jkt)
  );
}

function speaksFor({ tenants }: WorkloadFacts, tenant: string): boolean {
  return tenants.includes("*") || tenants.includes(tenant);
}

/** A workload that comes by itself: its trust domain must stand for exactly one tenant. */
function subjectOf(workload: WorkloadFacts, credentials: readonly Verified[]): SubjectFacts | undefined {
  const [tenant, ...others] = workload.tenants;
  if (tenant === undefined || tenant === "*" || others.length > 0) return undefined;
  const issuer = credentials.find((one) => one.workload !== undefined)?.credential.issuer;
  const link = { type: "workload", id: workload.id, issuer: issuer ?? workload.trustDomain } as const;
  return { ...link, tenant, groups: [], roles: [], chain: [link], claims: {} };
}

/** A workload that presents what was issued for someone: it is who calls, at the end of the chain. */
function actedBy(subject: SubjectFacts, workload: WorkloadFacts, issuer: string | undefined): SubjectFacts {
  const link = { type: "workload", id: workload.id, issuer: issuer ?? workload.trustDomain } as const;
  const isLast = subject.chain[subject.chain.length - 1]?.id === link.id;
  return {
    ...subject,
    ...{ type: link.type, id: link.id },
    chain: isLast ? subject.chain : [...subject.chain, link],
  };
}

/**
 * Names the key that whoever calls proved. A workload's certificate isn't named: it is renewed every hour, and the workload
 * that it names is known.
 */
function keyOf({ boundTo }: Verified, workload: WorkloadFacts | undefined): Pick<Identity, "key"> {
  if (boundTo?.jkt !== undefined) return { key: `jkt:${boundTo.jkt}` };
  return boundTo?.x5t === undefined || workload !== undefined ? {} : { key: `x5t:${boundTo.x5t}` };
}

/** INVARIANT: a key counts only where the credential that names the subject is bound to it. */
function assuranceOf({ method, boundTo, subject }: Verified, workload: WorkloadFacts | undefined): Assurance {
  if (method === "api_key") return "api_key";
  const byCertificate = boundTo?.x5t !== undefined || (method === "x509_svid" && subject === undefined);
  if (byCertificate) return workload?.attested === true ? "attested" : "mtls";
  return boundTo?.jkt === undefined ? "bearer" : "dpop";
}
