import type { Fields, Problems } from "../contract.js";

/** An enforcement point as an operator writes it. */
export interface PeerConfig {
  readonly name: string;
  /** Its own Unix socket, made 0600 in a directory that is 0700. */
  readonly socket?: string;
  /** A file with its token, 32 characters or more. */
  readonly tokenFile?: string;
  /** The SPIFFE id of its client certificate. */
  readonly spiffeId?: string;
}

/** Reads `pep.peers`. */
export function readPeers(items: readonly Fields[], problems: Problems): PeerConfig[] {
  const names = new Set<string>();
  return items.map((fields) => {
    const [name, socket, tokenFile, spiffeId] = [
      fields.required("name"),
      fields.string("socket"),
      fields.string("token_file"),
      fields.string("spiffe_id"),
    ];
    if (!/^[A-Za-z0-9][\w.-]{0,62}$/.test(name))
      problems.add(fields.at("name"), "must be letters, digits, _ . and -, at most 63");
    if (names.has(name)) problems.add(fields.at("name"), "is taken");
    names.add(name);
    if (socket === undefined && tokenFile === undefined && spiffeId === undefined)
      problems.add(fields.at("socket"), "give at least one of socket, token_file, spiffe_id");
    if (socket !== undefined && !socket.startsWith("/"))
      problems.add(fields.at("socket"), "must be an absolute path");
    fields.end();
    return {
      name,
      ...(socket === undefined ? {} : { socket }),
      ...(tokenFile === undefined ? {} : { tokenFile }),
      ...(spiffeId === undefined ? {} : { spiffeId }),
    };
  });
}
