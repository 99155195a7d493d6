import { isObject, parseJson, type JsonObject } from "../../contract.js";

/** A proof taken apart. INVARIANT: nothing in it is trusted until its signature has been verified. */
export interface ReadProof {
  readonly header: JsonObject;
  readonly payload: JsonObject;
  readonly alg: string;
  /** Media type without `application/`, in lower case. */
  readonly type: string;
  /** What is signed, and the signature. */
  readonly signed: Buffer;
  readonly signature: Buffer;
}

const compactForm = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;
/** Longest proof, in characters: an RSA key of 4,096 bits fits several times. */
const longest = 8_192;

/** Header members that bring a key or a critical extension along (RFC 7515 section 4.1); `jwk` is the caller's to judge. */
const refused = ["crit", "jku", "x5u", "x5c"] as const;

/** Takes a compact JWS apart by strict JSON; a text says what is wrong with it, without content. */
export function readProof(proof: string): ReadProof | string {
  if (proof.length > longest) return "too large";
  const [, headerText = "", payloadText = "", signature = ""] = compactForm.exec(proof) ?? [];
  if (signature === "") return "not a signed JWT";
  const header = decodePart(headerText);
  const payload = decodePart(payloadText);
  if (header === undefined || payload === undefined) return "not strict JSON";
  const { alg, typ } = header;
  if (typeof alg !== "string" || typeof typ !== "string") return "alg or typ";
  const brought = refused.find((name) => Object.hasOwn(header, name));
  if (brought !== undefined) return brought;
  return {
    header,
    payload,
    alg,
    type: typ.toLowerCase().replace(/^application\/(?=[^/]*$)/, ""),
    signed: Buffer.from(`${headerText}.${payloadText}`, "latin1"),
    signature: Buffer.from(signature, "base64url"),
  };
}

function decodePart(text: string): JsonObject | undefined {
  try {
    const value = parseJson(Buffer.from(text, "base64url"), { depth: 8 });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
