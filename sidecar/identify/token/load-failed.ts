import type { KeysFault } from "./types.js";

/** Why a document of an issuer could not be had. */
export class LoadFailed extends Error {
  override readonly name = "LoadFailed";
  constructor(
    readonly fault: KeysFault,
    /** The HTTP status, where there was an answer. */
    readonly status?: number,
  ) {
    super(fault);
  }
}
