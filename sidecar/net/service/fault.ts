/** Why a service gave no answer. */

export type ServiceFault =
  | "unreachable"
  | "certificate"
  | "address"
  | "timeout"
  | "too_large"
  | "truncated"
  | "malformed"
  | "redirect"
  | "credentials"
  | "stopped";

/** INVARIANT: its message holds no token, no header's value and nothing of a body. */
export class Fault extends Error {
  override readonly name = "Fault";
  constructor(
    readonly fault: ServiceFault,
    message: string,
  ) {
    super(message);
  }
}

const certificateCodes =
  /^(?:CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/;

/** Names what Node says of a connection. */
export function faultOf(error: unknown): Fault {
  if (error instanceof Fault) return error;
  const { code, fault } = (error ?? {}) as { code?: unknown; fault?: unknown };
  const word = typeof code === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : "no connection";
  if (fault === "address") return new Fault("address", "its name leads to an address that may not be asked");
  if (certificateCodes.test(word)) {
    return new Fault(
      "certificate",
      `its certificate isn't trusted (${word}): give who issued it as tls.ca_cert, and a URL with its name`,
    );
  }
  if (word.startsWith("HPE_")) return new Fault("malformed", `its answer isn't HTTP (${word})`);
  if (word.includes("SSL") || word.includes("TLS"))
    return new Fault("certificate", `no TLS connection comes about (${word})`);
  return new Fault(
    "unreachable",
    `it can't be reached (${fault === "network" ? "its name isn't known" : word})`,
  );
}
