/** Credentials in files: written in place, replaced, reached through links as Kubernetes does, and all that goes wrong. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { until } from "../world.js";
import type { SecretsWorld } from "./world.js";
import { readSection, startSecrets } from "./world.js";

const worlds: SecretsWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});
const start = (environment?: Record<string, string>): SecretsWorld => {
  const world = startSecrets(environment);
  worlds.push(world);
  return world;
};
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("a credential", () => {
  test("of the environment, or of the configuration itself, is had at the start", async () => {
    const world = start({ KEY: " key-1\n" });
    expect((await world.open({ env: "KEY" })).values()).toEqual(["key-1"]);
    expect((await world.open({ value: "key-2" })).values()).toEqual(["key-2"]);
  });
  const missing: readonly (readonly [string, object, string])[] = [
    ["isn't in the environment", { env: "NO" }, "env:NO is missing or unusable: missing"],
    ["is empty there", { env: "EMPTY" }, "env:EMPTY is missing or unusable: empty"],
    ["has no file", { file: "/nowhere/key" }, "file:key is missing or unusable: missing"],
    ["is a directory", { file: "/tmp" }, "file:tmp is missing or unusable: unreadable"],
    ["is a device without an end", { file: "/dev/zero" }, "file:zero is missing or unusable: unreadable"],
    ["would be two headers", { value: "a\r\nx: y" }, "value is missing or unusable: unusable"],
    ["is no ASCII", { value: "schlüssel" }, "value is missing or unusable: unusable"],
    ["is too long", { value: "x".repeat(20_000) }, "value is missing or unusable: too_large"],
  ];
  test.each(missing)("that %s isn't opened, and its value isn't said", async (_name, config, message) => {
    const world = start({ EMPTY: " " });
    await expect(world.open(config)).rejects.toThrow(message);
    await expect(world.open(config)).rejects.not.toThrow("schl");
  });
  test("that is a pipe without a writer keeps nobody waiting", async () => {
    const world = start();
    const file = join(world.directory, "pipe");
    execFileSync("mkfifo", [file]);
    await expect(world.open({ file })).rejects.toThrow("unreadable");
  });
  test("that can't be had is told with all others", async () => {
    const world = start();
    const configs = [readSection({ env: "A" }), readSection({ value: "fine" }), readSection({ env: "B" })];
    await expect(world.secrets.open(configs)).rejects.toThrow(/env:A is missing.*\n.*env:B is missing/);
  });
});

/** Ways in which a file's content becomes another. */
const ways: readonly (readonly [
  string,
  (directory: string) => { file: string; change: (to: string) => void },
])[] = [
  [
    "written in place",
    (directory) => {
      const file = join(directory, "key");
      writeFileSync(file, "key-1\n");
      return {
        file,
        change: (to) => {
          writeFileSync(file, to);
        },
      };
    },
  ],
  [
    "replaced by a rename",
    (directory) => {
      const file = join(directory, "key");
      writeFileSync(file, "key-1");
      return {
        file,
        change: (to) => {
          writeFileSync(`${file}.new`, to);
          renameSync(`${file}.new`, file);
        },
      };
    },
  ],
  [
    "removed and written anew",
    (directory) => {
      const file = join(directory, "key");
      writeFileSync(file, "key-1");
      return {
        file,
        change: (to) => {
          unlinkSync(file);
          writeFileSync(file, to);
        },
      };
    },
  ],
  [
    "swapped as Kubernetes does: a link to a directory of links",
    (directory) => {
      let count = 1;
      const put = (text: string): string => {
        const name = `..2026_11_21_${count++}`;
        mkdirSync(join(directory, name));
        writeFileSync(join(directory, name, "key"), text);
        return name;
      };
      const first = put("key-1");
      symlinkSync(first, join(directory, "..data"));
      symlinkSync("..data/key", join(directory, "key"));
      return {
        file: join(directory, "key"),
        change: (to) => {
          symlinkSync(put(to), join(directory, "..data_tmp"));
          renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
          if (count === 3) rmSync(join(directory, first), { recursive: true });
        },
      };
    },
  ],
];

describe.each(ways)("a file %s", (_name, make) => {
  // watched only: a look by the clock would come in ten minutes; then the clock only: nothing is watched there
  test.each([[600_000], [20]])("is read again (a look every %d ms)", async (refresh_ms) => {
    const world = start();
    const { file, change } = make(world.directory);
    const secret = await world.open({ file, id: "main", refresh_ms });
    expect(secret.values()).toEqual(["key-1"]);
    change("key-2\n");
    await until(() => secret.values()[0] === "key-2");
    expect(secret.values()).toEqual(["key-2", "key-1"]);
    change("key-3");
    await until(() => secret.values()[0] === "key-3");
    expect(world.kinds()).toEqual(["credential_changed", "credential_changed"]);
    for (const event of world.events) {
      expect(event).toMatchObject({
        credential: "main",
        digest: expect.stringMatching(/^[0-9a-f]{12}$/) as unknown,
      });
      expect(JSON.stringify(event)).not.toContain("key-");
    }
  });
});

/** What a file may become that is no credential. */
const spoiled: readonly (readonly [string, (file: string) => void, string])[] = [
  ["removed", unlinkSync, "missing"],
  [
    "emptied",
    (file) => {
      truncateSync(file);
    },
    "empty",
  ],
  [
    "blank",
    (file) => {
      writeFileSync(file, " \n\n");
    },
    "empty",
  ],
  [
    "a page of HTML",
    (file) => {
      writeFileSync(file, "<html>\n<body>not found</body>");
    },
    "unusable",
  ],
  [
    "larger than any key",
    (file) => {
      writeFileSync(file, "x".repeat(100_000));
    },
    "too_large",
  ],
  [
    "a directory",
    (file) => {
      unlinkSync(file);
      mkdirSync(file);
    },
    "unreadable",
  ],
];

test.each(spoiled)(
  "a file that is %s leaves the last good one, and that is said once",
  async (_name, spoil, code) => {
    const world = start();
    const file = join(world.directory, "key");
    writeFileSync(file, "key-1");
    const secret = await world.open({ file, id: "main", refresh_ms: 10 });
    spoil(file);
    await until(() => world.events.length > 0);
    await pause(150);
    expect(world.events).toEqual([{ kind: "credential_failed", credential: "main", code }]);
    expect(secret.values()).toEqual(["key-1"]);
    rmSync(file, { recursive: true, force: true });
    writeFileSync(file, "key-2");
    await until(() => secret.values()[0] === "key-2");
    expect(world.kinds()).toEqual(["credential_failed", "credential_restored", "credential_changed"]);
  },
);

test("half of a key that is being written is none", async () => {
  const world = start();
  const file = join(world.directory, "key");
  writeFileSync(file, "key-1");
  const secret = await world.open({ file, refresh_ms: 10 });
  const seen = new Set<string>();
  const timer = setInterval(() => seen.add(secret.values()[0]), 1);
  for (let i = 1; i <= 30; i++) {
    writeFileSync(file, "a-longer-key-than-the-one-before".slice(0, i));
    await pause(5);
  }
  writeFileSync(file, "a-longer-key-than-the-one-before");
  await until(() => secret.values()[0] === "a-longer-key-than-the-one-before");
  clearInterval(timer);
  expect([...seen].every((key) => key === "key-1" || key === "a-longer-key-than-the-one-before")).toBe(true);
});

const asRoot = process.getuid?.() === 0;
(asRoot ? test.skip : test)("a file that may not be read any more leaves the last good one", async () => {
  const world = start();
  const file = join(world.directory, "key");
  writeFileSync(file, "key-1");
  const secret = await world.open({ file, refresh_ms: 10 });
  chmodSync(file, 0);
  await until(() => world.events.length > 0);
  expect(world.events[0]).toMatchObject({ code: "unreadable" });
  expect(secret.values()).toEqual(["key-1"]);
});

test("a process that does nothing else waits for its first one, and ends when it likes", () => {
  const world = start();
  const file = join(world.directory, "key");
  writeFileSync(file, "key-1");
  const module = new URL("../../../gateway/secrets/open-secrets.js", import.meta.url).href;
  const script = `
    import { createSecrets } from ${JSON.stringify(module)};
    const secrets = createSecrets({ environment: {}, clock: () => 0, onEvent: () => undefined });
    const config = { id: "main", file: ${JSON.stringify(file)} };
    console.log((await secrets.open([config])).of(config).values());`;
  const args = ["--input-type=module", "-e", script];
  expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toContain("key-1");
});

describe("an overlap", () => {
  const rotating = async (overlap_ms?: number) => {
    const world = start();
    const file = join(world.directory, "key");
    writeFileSync(file, "key-1");
    const secret = await world.open({
      file,
      refresh_ms: 10,
      ...(overlap_ms === undefined ? {} : { overlap_ms }),
    });
    const change = async (to: string): Promise<void> => {
      writeFileSync(file, to);
      changes++;
      await until(() => world.kinds().filter((kind) => kind === "credential_changed").length === changes);
    };
    let changes = 0;
    return { world, secret, change };
  };
  test("ends, and the one before is forgotten", async () => {
    const { world, secret, change } = await rotating(60_000);
    await change("key-2");
    world.ahead = 59_000;
    expect(secret.values()).toEqual(["key-2", "key-1"]);
    world.ahead = 60_500;
    expect(secret.values()).toEqual(["key-2"]);
    world.ahead = 0;
    expect(secret.values()).toEqual(["key-2"]);
  });
  test("of 0 is none", async () => {
    const { secret, change } = await rotating(0);
    await change("key-2");
    expect(secret.values()).toEqual(["key-2"]);
  });
  test("puts the one that upstreams take first, until it ends", async () => {
    const { world, secret, change } = await rotating();
    await change("key-2");
    secret.took("key-1");
    expect(secret.values()).toEqual(["key-1", "key-2"]);
    // told by a request that began before
    secret.took("key-1");
    secret.took("key-0");
    expect(secret.values()).toEqual(["key-1", "key-2"]);
    secret.took("key-2");
    expect(secret.values()).toEqual(["key-2", "key-1"]);
    secret.took("key-1");
    world.ahead = 300_500;
    expect(secret.values()).toEqual(["key-2"]);
    expect(world.kinds()).toEqual([
      ...["credential_changed", "credential_previous_used", "credential_current_used"],
      "credential_previous_used",
    ]);
  });
  test("keeps the one that works where a mistyped one is corrected", async () => {
    const { secret, change } = await rotating();
    await change("key-mistyped");
    secret.took("key-1");
    await change("key-2");
    expect(secret.values()).toEqual(["key-2", "key-1"]);
  });
});

describe("credentials of two configurations", () => {
  test("are one where they are the same, with their past", async () => {
    const world = start();
    const file = join(world.directory, "key");
    writeFileSync(file, "key-1");
    const [one, other] = [readSection({ file, refresh_ms: 10 }), readSection({ file, refresh_ms: 10 })];
    const first = await world.secrets.open([one]);
    writeFileSync(file, "key-2");
    await until(() => first.of(one).values().length === 2);
    const second = await world.secrets.open([other]);
    first.close();
    expect(second.of(other).values()).toEqual(["key-2", "key-1"]);
    writeFileSync(file, "key-3");
    await until(() => second.of(other).values()[0] === "key-3");
    second.close();
    world.events.length = 0;
    writeFileSync(file, "key-4");
    await pause(150);
    expect(world.events).toEqual([]);
  });
});
