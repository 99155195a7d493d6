import type { Fields, Problems } from "../../contract.js";
import type { ApiKeysConfig } from "../api-keys/api-keys.js";
import { parseApiKeys } from "../api-keys/parse-api-keys.js";
import { parseTransaction, type TransactionConfig } from "../transaction/parse-transaction.js";
import { parseDpop, parseReplay, type DpopSection, type ReplayConfig } from "./parse-dpop.js";
import { parseWimse, type WimseConfig } from "./parse-wimse.js";

/** What `identity` says about proofs, keys and tokens beside access tokens; absent: not accepted. */
export interface ProofConfig {
  readonly dpop?: DpopSection;
  readonly replay: ReplayConfig;
  readonly api_keys?: ApiKeysConfig;
  readonly transaction_tokens?: TransactionConfig;
  readonly wimse?: WimseConfig;
}

/** Parses those parts of `identity`. */
export function parseProof(identity: Fields, problems: Problems): ProofConfig {
  const dpop = parseDpop(identity, problems);
  const replay = parseReplay(identity, problems);
  const apiKeys = parseApiKeys(identity, problems);
  const transaction = parseTransaction(identity, problems);
  const wimse = parseWimse(identity, problems);
  return {
    replay,
    ...(dpop === undefined ? {} : { dpop }),
    ...(apiKeys === undefined ? {} : { api_keys: apiKeys }),
    ...(transaction === undefined ? {} : { transaction_tokens: transaction }),
    ...(wimse === undefined ? {} : { wimse }),
  };
}
