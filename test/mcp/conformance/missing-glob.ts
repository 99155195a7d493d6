/**
 * Lets the conformance tool load on Node 20: it imports `globSync` of Node 22 from `fs`, for a command that isn't used here.
 * Loaded by `--import`; takes the name out of that import of that file, and changes nothing else.
 */
import { register } from "node:module";

const hooks = `
export async function load(url, context, next) {
  const loaded = await next(url, context);
  if (!url.endsWith("/@modelcontextprotocol/conformance/dist/index.js")) return loaded;
  const text = String(loaded.source);
  const [taken, name] = /globSync as (\\w+),/.exec(text) ?? [];
  if (taken === undefined) return loaded;
  return { ...loaded, source: text.replace(taken, "") + ";function " + name + "(){throw new Error('not here')}" };
}`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);
