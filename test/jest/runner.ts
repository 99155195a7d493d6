/**
 * Runs a file of tests in the process's own realm, by Node's own module loader. Jest itself loads every module through `node:vm`,
 * anew for each file: that was more than half of what a small file of tests cost.
 * The product's modules and packages are loaded once in a worker; what lies under test/ is loaded anew for each file.
 */
import { createRequire, register } from "node:module";
import { pathToFileURL } from "node:url";

type Run = (...given: unknown[]) => Promise<unknown>;

/** What jest-circus asks of jest's runtime, and what we answer otherwise. */
interface Runtime {
  readonly jestGlobals: { jestObjectFor(path: string): unknown };
  requireInternalModule(path: string): unknown;
  unstable_shouldLoadAsEsm(path: string): boolean;
  unstable_importModule(path: string): Promise<unknown>;
  setGlobalsForRuntime(globals: object): void;
}

const require = createRequire(import.meta.url);
const { default: circus } = require("jest-circus/runner") as { default: Run };
/** Where jest-circus keeps who listens to its events: in the realm, which is the same for all files here. */
const listeners = Symbol.for("EVENT_HANDLERS");
let runs = 0;

register(new URL("hooks.js", import.meta.url));

/** A `testRunner` of jest's. */
async function run(
  globalConfig: unknown,
  config: unknown,
  environment: unknown,
  runtime: Runtime,
  file: string,
  ...others: unknown[]
): Promise<unknown> {
  const realm = globalThis as unknown as Record<symbol, unknown>;
  const anew = `?run=${++runs}`;
  const own: Partial<Runtime> = {
    // its state is of one file
    requireInternalModule(path) {
      Reflect.deleteProperty(realm, listeners);
      Reflect.deleteProperty(require.cache, path);
      return require(path) as unknown;
    },
    unstable_shouldLoadAsEsm: () => true,
    unstable_importModule: (path) => import(pathToFileURL(path).href + anew),
    setGlobalsForRuntime(globals) {
      realm[Symbol.for("tests.globals")] = { ...globals, jest: runtime.jestGlobals.jestObjectFor(file) };
    },
  };
  const native: unknown = Object.assign(Object.create(runtime), own);
  return circus(globalConfig, config, environment, native, file, ...others);
}

export { run as default };
