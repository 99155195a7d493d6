import { readFileSync } from "node:fs";
import type { StateConfig } from "./config.js";

/** Gives the secret of the fleet's state. @throws Error where its file can't be read or is too short */
export function readStateSecret({ secret }: Pick<StateConfig, "secret">): string | undefined {
  if (secret === undefined || "text" in secret) return secret?.text;
  const text = readFileSync(secret.file, "utf8").trim();
  if (text.length < 32) throw new Error("state.secret_file must hold at least 32 characters");
  return text;
}
