/** Has a gateway follow its configuration file: at SIGHUP, and with `--watch` at each change of the file. */
import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Gateway } from "../gateway/main.js";
import { readConfigFile } from "./read-config.js";

export interface FollowParts {
  readonly file: string;
  readonly gateway: Pick<Gateway, "reload">;
  readonly watch: boolean;
  /** Tells of SIGHUP. */
  readonly signals: {
    on(signal: "SIGHUP", listener: () => void): unknown;
    off(signal: "SIGHUP", listener: () => void): unknown;
  };
}

/** Editors write in several steps: wait until they have settled, milliseconds. */
const settle = 100;

/** @throws Error where the file's directory can't be watched */
export function followConfig({ file, gateway, watch: watching, signals }: FollowParts): { close(): void } {
  const reload = (): void => {
    void gateway.reload(() => readConfigFile(file));
  };
  let timer: NodeJS.Timeout | undefined;
  // the directory: a file may be replaced, or reached through a link that is (Kubernetes swaps `..data`)
  const watcher = watching
    ? watch(dirname(file), { persistent: false }, (_event, name) => {
        if (name !== null && name !== basename(file) && !name.startsWith("..")) return;
        clearTimeout(timer);
        timer = setTimeout(reload, settle).unref();
      })
    : undefined;
  // where the directory goes, SIGHUP is left
  watcher?.on("error", () => watcher.close());
  signals.on("SIGHUP", reload);
  return {
    close() {
      signals.off("SIGHUP", reload);
      clearTimeout(timer);
      watcher?.close();
    },
  };
}
