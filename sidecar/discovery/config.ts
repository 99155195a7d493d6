/** What the configuration says of discovery, in OPA's words. Source: OPA, "Configuration", discovery. */
import type { BundleConfig } from "../bundles/config.js";

/** `discovery`: a bundle whose result configures bundles, the decision log and status. */
export interface DiscoveryConfig {
  /** Where it comes from and how it is verified; its name is `discovery`. */
  readonly bundle: BundleConfig;
  /** Data path whose value is the configuration, without a slash at its ends; "": all of data. */
  readonly decision: string;
}
