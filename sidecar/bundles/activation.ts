/** What becomes of what arrived. */
import type { BuildError, Rejected } from "../rego/bundle.js";
import type { BundleFacts, Prepared, TestCounts } from "./arrival.js";
import { isBundleCode } from "./codes.js";

export type Activation =
  /** {@link Arrival.confirm} said no. */
  | { readonly kind: "declined" }
  | {
      readonly kind: "activated";
      /** False: it was in force already. */
      readonly changed?: boolean;
      readonly facts?: ActivatedFacts;
    }
  | {
      readonly kind: "rejected";
      /** One of `codes.ts`. */
      readonly code: string;
      readonly message: string;
      readonly errors?: readonly BuildError[];
    };

export type Rejection = Extract<Activation, { kind: "rejected" }>;

export interface ActivatedFacts extends BundleFacts {
  readonly revision: string;
  readonly tests?: TestCounts;
}

/** Most that is remembered and told of one rejection: errors, and characters of a text, which names may come from an archive. */
const mostErrors = 50;
const longestMessage = 1_000;
const longestFile = 300;

/** The compiler's own errors come under the first of our codes that fits. */
export function rejectionOf(rejected: Rejected): Rejection {
  const errors = rejected.errors.slice(0, mostErrors).map(shortened);
  const [first] = errors;
  const code = first !== undefined && isBundleCode(first.code) ? first.code : codeOf(first);
  const place =
    first?.file === undefined ? "" : `${first.file}:${first.row === undefined ? "" : `${first.row}:`} `;
  return { kind: "rejected", code, message: place + (first?.message ?? "the build failed"), errors };
}

function shortened(error: BuildError): BuildError {
  const { message, file } = error;
  return {
    ...error,
    message: message.slice(0, longestMessage),
    ...(file === undefined ? {} : { file: file.slice(0, longestFile) }),
  };
}

function codeOf(error: BuildError | undefined): string {
  if (error?.code === "bundle_error" && /roots .* do not permit/.test(error.message)) return "roots_violated";
  if (error?.file !== undefined && /(^|\/)data\.(json|ya?ml)$/.test(error.file)) return "bundle_data";
  if (error?.file === ".manifest") return "bundle_manifest";
  return "build_failed";
}

/** INVARIANT: nothing of what it was made from is held any longer than the making. */
export function factsOf({
  verified,
  type,
  version,
  expires,
  size,
  contentDigest,
  archiveDigest,
}: Prepared): BundleFacts {
  return {
    ...{ verified, type, size, contentDigest },
    ...(version === undefined ? {} : { version }),
    ...(expires === undefined ? {} : { expires }),
    ...(archiveDigest === undefined ? {} : { archiveDigest }),
  };
}
