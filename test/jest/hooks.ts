/** How what a file of tests imports is found: what lies under test/ anew for each run, jest's globals as they are for it. */
import type { ResolveHook } from "node:module";

const tests = new URL("../", import.meta.url).href;
const globals = new URL("globals.js", import.meta.url).href;

export const resolve: ResolveHook = async (specifier, context, next) => {
  const run = /\?run=\d+$/.exec(context.parentURL ?? "")?.[0];
  if (run === undefined) return next(specifier, context);
  if (specifier === "@jest/globals") return { url: globals + run, format: "module", shortCircuit: true };
  const found = await next(specifier, context);
  return found.url.startsWith(tests) ? { ...found, url: found.url + run } : found;
};
