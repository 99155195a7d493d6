/** What the configuration says of `services`, in OPA's words. Source: OPA, "Configuration", services. */

export type Credentials =
  | { readonly kind: "none" }
  /** `tokenPath`: a file, read for each request. */
  | { readonly kind: "bearer"; readonly scheme: string; readonly token?: string; readonly tokenPath?: string }
  | {
      readonly kind: "client_tls";
      /** Paths of PEM files, which may be replaced by others. */
      readonly cert: string;
      readonly privateKey: string;
      readonly passphrase?: string;
    }
  | {
      readonly kind: "oauth2";
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scopes: readonly string[];
    }
  | {
      readonly kind: "s3_signing";
      readonly service: string;
      /** From the environment unless given: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`. */
      readonly accessKeyId?: string;
      readonly secretAccessKey?: string;
      readonly sessionToken?: string;
      readonly region?: string;
    };

/** `services[name]` */
export interface ServiceConfig {
  readonly name: string;
  /** Without a slash at its end. */
  readonly url: string;
  readonly type: "http" | "oci";
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: Credentials;
  /** PEM of the authorities that its certificate must come from; absent: the public ones. */
  readonly ca?: string;
  /** Longest wait for the headers of an answer, milliseconds. */
  readonly responseHeaderTimeoutMs: number;
  /** `allow_plaintext`: credentials may travel without TLS beyond this machine. */
  readonly allowPlaintext?: boolean;
}

/**
 * Tells why a service's credentials may not be sent to where it is; undefined: they may.
 * The answer is a problem at `services[name].url`.
 */
export function plaintextFault({
  url,
  credentials,
  headers,
  allowPlaintext,
}: ServiceConfig): string | undefined {
  if (allowPlaintext === true || new URL(url).protocol === "https:" || isHere(new URL(url).hostname))
    return undefined;
  const secret = Object.keys(headers).find((name) => secretHeaders.has(name.toLowerCase()));
  if (credentials.kind === "none" && secret === undefined) return undefined;
  const what = credentials.kind === "none" ? `the header ${secret ?? ""}` : `credentials.${credentials.kind}`;
  return `must be https: ${what} would travel in the clear; allow_plaintext: true sends it all the same`;
}

const secretHeaders: ReadonlySet<string> = new Set([
  "authorization",
  "proxy-authorization",
  "cookie",
  "x-api-key",
]);

/** Whether a URL's host is this machine itself. */
export function isHere(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
