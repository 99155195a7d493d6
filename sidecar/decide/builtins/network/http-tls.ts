import { X509Certificate } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import { createSecureContext, rootCertificates } from "node:tls";
import { HttpFault } from "./http-fault.js";

/** What a request says about TLS, as `https.request` takes it. */
export interface TlsOptions extends SecureContextOptions {
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface TlsFields {
  /** The `tls_*` parameters that are strings. */
  readonly text: ReadonlyMap<string, string>;
  readonly insecure: boolean;
  readonly systemCertificates: boolean;
  /** A `Host` header, which names the server for TLS unless `tls_server_name` does. */
  readonly host: string | undefined;
}

/**
 * Reads the TLS parameters; undefined where there are none, and connections are shared.
 * @throws HttpFault where a certificate or a key can't be used
 */
export function readTls({ text, insecure, systemCertificates, host }: TlsFields): TlsOptions | undefined {
  for (const name of text.keys()) {
    if (/_(?:file|env_variable)$/.test(name)) {
      throw new HttpFault("internal", `${name} is not available: a policy reads no files and no environment`);
    }
  }
  const server = text.get("tls_server_name") || host;
  const authority = text.get("tls_ca_cert") ?? "";
  const [cert = "", key = ""] = [text.get("tls_client_cert"), text.get("tls_client_key")];
  const pair = cert !== "" && key !== "";
  const options: TlsOptions = {
    ...(insecure ? { rejectUnauthorized: false } : {}),
    ...(server === undefined ? {} : { servername: server }),
    ...(authority === ""
      ? {}
      : { ca: [...(systemCertificates ? rootCertificates : []), ...authorities(authority)] }),
    // OPA ignores one without the other
    ...(pair ? { cert, key } : {}),
  };
  if (Object.keys(options).length === 0) return undefined;
  if (pair) {
    try {
      createSecureContext({ cert, key });
    } catch {
      throw new HttpFault("internal", "tls: the client's certificate and key can't be used");
    }
  }
  return options;
}

/** Gives the certificates that can be read, as Go's `AppendCertsFromPEM` does; line ends may be written as `\n`. */
function authorities(pem: string): string[] {
  const blocks = pem
    .replaceAll("\\n", "\n")
    .match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g);
  const good = (blocks ?? []).filter((block) => {
    try {
      return new X509Certificate(block).raw.length > 0;
    } catch {
      return false;
    }
  });
  if (good.length === 0) throw new HttpFault("internal", "could not append certificates");
  return good;
}
