/** The process's own realm as a `testEnvironment` of jest's: what a file of tests left in the process is put back after it. */
import { ModuleMocker } from "jest-mock";

class OwnRealm {
  readonly global = globalThis;
  readonly moduleMocker = new ModuleMocker(globalThis);
  readonly fakeTimers = null;
  readonly fakeTimersModern = null;
  private readonly console = globalThis.console;
  private readonly exit = process.exit;
  private readonly builtin = process.getBuiltinModule;
  private readonly environment = { ...process.env };
  private readonly directory = process.cwd();

  setup(): Promise<void> {
    // jest's runtime has replaced it by what loads into a realm of its own
    process.getBuiltinModule = this.builtin;
    return Promise.resolve();
  }

  teardown(): Promise<void> {
    globalThis.console = this.console;
    process.exit = this.exit;
    for (const name of Object.keys(process.env)) if (!(name in this.environment)) delete process.env[name];
    Object.assign(process.env, this.environment);
    process.chdir(this.directory);
    return Promise.resolve();
  }

  exportConditions(): string[] {
    return ["node", "node-addons"];
  }

  /** Nothing is loaded into another realm. */
  getVmContext(): null {
    return null;
  }
}

export { OwnRealm as default };
