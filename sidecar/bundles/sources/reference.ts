/** Reads where a bundle lies in a registry. Source: OCI, "Distribution Specification", pulling manifests. */

export interface Reference {
  /** Below the registry, e.g. `acme/policies`. */
  readonly repository: string;
  /** A tag, or a digest. */
  readonly reference: string;
  readonly digest?: string;
}

const repositoryPattern =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: unknown): text is string {
  return typeof text === "string" && digestPattern.test(text);
}

/**
 * Reads `registry/repository:tag` or `registry/repository@digest`; of both, the digest counts.
 * @param url of the service, whose host it begins with
 * @returns the reference, or what is wrong with it
 */
export function parseReference(resource: string, url: string): Reference | string {
  const { host } = new URL(url);
  const hosts = [host, ...(host === "registry-1.docker.io" ? ["docker.io"] : [])];
  const own = hosts.find((one) => resource.startsWith(`${one}/`));
  if (own === undefined) return `must begin with the registry of services.url: ${host}/repository:tag`;
  const [named = "", digest, ...more] = resource.slice(own.length + 1).split("@");
  const [, repository = "", tag] = /^([^:]*)(?::(.*))?$/.exec(named) ?? [];
  if (repository.length > 255 || !repositoryPattern.test(repository))
    return "must name a repository in lower case: letters, digits, and . _ - between them";
  if (tag !== undefined && !tagPattern.test(tag))
    return "must have a tag of letters, digits, . _ and -, at most 128";
  if (more.length > 0 || (digest !== undefined && !isDigest(digest)))
    return "must have a digest such as sha256: and 64 hexadecimal digits";
  if (digest !== undefined) return { repository, reference: digest, digest };
  return tag === undefined ? "must end with :tag or @sha256:…" : { repository, reference: tag };
}
