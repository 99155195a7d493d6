import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";

/** A certificate chain, leaf first, and its key, in PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  /** Another one for another pair. */
  readonly version: string;
}

/** Where a key pair is had, and had anew. */
export interface KeyPairSource {
  current(): KeyPair | undefined;
  /** Waits for the first pair, no longer than a start may take. */
  ready(): Promise<void>;
  onChange(listener: () => void): void;
}

export interface WatchedFiles extends KeyPairSource {
  /** PEM of the CAs, where a file of them is watched too. */
  ca(): string | undefined;
  close(): void;
}

/** What an operator may want to see. */
export type KeyPairEvent =
  | { readonly kind: "tls_certificate_changed"; readonly file: string; readonly expires_at: string }
  | { readonly kind: "tls_certificate_failed"; readonly file: string };

export interface WatchParts {
  readonly files: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly caFile?: string | undefined;
  readonly refreshMs: number;
  readonly onEvent: (event: KeyPairEvent) => void;
}

interface Read {
  readonly pair: KeyPair | undefined;
  readonly ca: string | undefined;
  readonly text: string;
}

/**
 * Reads a key pair, and CAs, from files, and again from time to time. What can't be used (a key of another
 * certificate, a half-written file) leaves the last good ones.
 * @throws Error at the start, where there is nothing good yet
 */
export async function watchKeyPair({ files, caFile, refreshMs, onEvent }: WatchParts): Promise<WatchedFiles> {
  const listeners: (() => void)[] = [];
  const named = files?.certFile ?? caFile ?? "";
  let held = await read(files, caFile);
  let failing = false;

  async function look(): Promise<void> {
    const next = await read(files, caFile).catch(() => undefined);
    if (next === undefined) {
      if (!failing) onEvent({ kind: "tls_certificate_failed", file: named });
      failing = true;
      return;
    }
    failing = false;
    if (next.text === held.text) return;
    held = next;
    if (next.pair !== undefined) {
      const expires_at = new Date(new X509Certificate(next.pair.cert).validTo).toISOString();
      onEvent({ kind: "tls_certificate_changed", file: named, expires_at });
    }
    for (const listener of listeners) listener();
  }
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => {
      looking = false;
    });
  }, refreshMs);
  timer.unref();
  return {
    current: () => held.pair,
    ca: () => held.ca,
    ready: () => Promise.resolve(),
    onChange(listener) {
      listeners.push(listener);
    },
    close() {
      clearInterval(timer);
    },
  };
}

/** Reads the files together. @throws Error where one can't be read, or the key is another certificate's */
async function read(files: WatchParts["files"], caFile: string | undefined): Promise<Read> {
  const ca = caFile === undefined ? undefined : await readFile(caFile, "utf8");
  if (ca !== undefined && !ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Error(`${caFile ?? ""} holds no certificate in PEM`);
  }
  if (files === undefined) return { pair: undefined, ca, text: JSON.stringify([ca]) };
  const [cert, key] = await Promise.all([readFile(files.certFile, "utf8"), readFile(files.keyFile, "utf8")]);
  const leaf = new X509Certificate(cert);
  if (!leaf.checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`the key in ${files.keyFile} is not that of the certificate in ${files.certFile}`);
  }
  const version = leaf.fingerprint256;
  return { pair: { cert, key, version }, ca, text: JSON.stringify([cert, key, ca]) };
}
