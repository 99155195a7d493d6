/** Where bundles come from over a network: HTTP services, OCI registries, S3. */

export type Downloaded =
  | {
      readonly kind: "bundle";
      readonly bytes: Uint8Array;
      readonly etag?: string;
      readonly longPoll: boolean;
      readonly httpCode?: number;
    }
  | { readonly kind: "unchanged"; readonly longPoll: boolean; readonly httpCode?: number }
  | {
      readonly kind: "failed";
      /** One of {@link bundleCodes}. */
      readonly code: string;
      readonly message: string;
      readonly httpCode?: number;
      readonly retryAfterMs?: number;
    };

/** One place of one bundle. */
export interface Source {
  /**
   * Asks once. Never rejects, and takes no more than the limits given.
   * @param known the ETag (OCI: digest) of what is in force, where that came from here
   * @param wait false where the answer is wanted at once, though the source could wait for news
   */
  download(known: string | undefined, signal: AbortSignal, wait?: boolean): Promise<Downloaded>;
  close(): void;
}
