/** Docs that can be held to the source are. */
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import yaml from "js-yaml";
import { sidecarFlags } from "../cli/sidecar.js";
import { parseGatewayConfig } from "../gateway/config.js";
import { createKeep } from "../sidecar/bundles/keep/keep.js";
import { ownDirectory } from "../sidecar/bundles/keep/own.js";
import { parseSidecarConfig } from "../sidecar/config.js";
import type { Json } from "../sidecar/contract.js";
import { errorTable } from "../sidecar/contract.js";
import { root } from "./world.js";

const read = (path: string): string => readFileSync(join(root, path), "utf8");
const example = (path: string): Json =>
  yaml.load(/```yaml\n([\s\S]*?)```/.exec(read(path))?.[1] ?? "") as Json;

describe("docs/api.md", () => {
  test("lists every code with its status, message and remedy, and no other", () => {
    const rows = [...read("docs/api.md").matchAll(/^\| `(\w+)` \| (\d+) \| (.*) \| (.*) \|$/gm)].map(
      ([, code, status, message, fix]) => [code, Number(status), message, fix],
    );
    expect(rows).toEqual(Object.entries(errorTable).map(([code, facts]) => [code, ...facts]));
  });
});

describe("docs/configuration.md", () => {
  test("its example is a valid configuration", () => {
    expect(parseSidecarConfig(example("docs/configuration.md"))).toMatchObject({ timeZone: "Europe/Zurich" });
  });

  test("names every key that is read", () => {
    const source = read("sidecar/config.ts");
    const keys = [
      ...source.matchAll(
        /\b(decision|cache|audit|logs|pep|server|api)\.(?:string|integer|boolean|oneOf|strings)\("(\w+)"/g,
      ),
    ].map(([, section = "", key = ""]) => `${section === "logs" ? "decision_logs" : section}.${key}`);
    expect(keys.length).toBeGreaterThan(12);
    const text = read("docs/configuration.md");
    expect(keys.filter((key) => !text.includes(`\`${key}\``))).toEqual([]);
  });

  test("names every key of bundles, discovery, status and the decision log", () => {
    const readers = ["bundles/read-config", "bundles/read-keys", "status/config", "record/read-config"];
    const sources = [...readers, "config/read-discovery", "bundles/read-services"];
    const keys = sources.flatMap((file) =>
      [
        ...read(`sidecar/${file}.ts`).matchAll(
          /\.(?:string|integer|boolean|oneOf|strings|texts|required|nested|raw)\("(\w+)"/g,
        ),
      ].map(([, key = ""]) => key),
    );
    expect(keys.length).toBeGreaterThan(40);
    const texts = ["configuration", "services", "discovery"].map((name) => read(`docs/${name}.md`)).join("");
    expect(keys.filter((key) => !new RegExp(`\\b${key}\\b`).test(texts))).toEqual([]);
  });

  test("names every flag", () => {
    const text = read("docs/configuration.md");
    expect(Object.keys(sidecarFlags).filter((flag) => !text.includes(`--${flag}`))).toEqual([]);
  });
});

describe("bundles", () => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-docs-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(join(folder, "key.pem"), publicKey.export({ type: "spki", format: "pem" }));
  const withKey = (text: string): Json =>
    yaml.load(text.replaceAll(/key_file: [^\s,}]+/g, `key_file: ${join(folder, "key.pem")}`)) as Json;
  const blocks = (path: string, kind: string): string[] =>
    [...read(path).matchAll(new RegExp(`\`\`\`${kind}\n([\\s\\S]*?)\`\`\``, "g"))].map(
      ([, text = ""]) => text,
    );

  test.each(["bundles", "push", "services", "discovery"])("the example of docs/%s.md is valid", (name) => {
    const [first = ""] = blocks(`docs/${name}.md`, "yaml");
    const { bundles, discovery } = parseSidecarConfig(withKey(first));
    expect(bundles.bundles.length + (discovery === undefined ? 0 : 1)).toBeGreaterThan(0);
  });

  test.each(["sidecar", "fleet"])("deploy/examples/%s.yaml is valid", (name) => {
    const { bundles } = parseSidecarConfig(withKey(read(`deploy/examples/${name}.yaml`)));
    expect(bundles.bundles).toMatchObject([{ name: "app", signing: { keyid: "release" } }]);
  });

  test("deploy/examples/kubernetes.yaml writes to its volume only, in a folder that the sidecar makes itself", async () => {
    const set = yaml.load(read("deploy/examples/kubernetes.yaml")) as {
      readonly spec: {
        readonly template: { readonly spec: Record<string, unknown> };
        readonly volumeClaimTemplates: readonly Record<string, unknown>[];
      };
    };
    const { template, volumeClaimTemplates } = set.spec;
    expect(template.spec).toMatchObject({
      securityContext: { runAsNonRoot: true, fsGroup: 1000, fsGroupChangePolicy: "OnRootMismatch" },
      containers: [
        {
          securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
          volumeMounts: [
            { name: "kept", mountPath: "/var/lib/countersign" },
            { readOnly: true },
            { readOnly: true },
          ],
        },
      ],
    });
    expect(volumeClaimTemplates).toMatchObject([{ metadata: { name: "kept" } }]);
    // as a kubelet leaves a volume's root with fsGroup
    const volume = join(folder, "volume");
    mkdirSync(volume);
    chmodSync(volume, 0o2775);
    await expect(ownDirectory({ directory: volume, onWait: () => undefined })).rejects.toThrow(
      "chmod -R go-w",
    );
    const lock = await ownDirectory({ directory: join(volume, "kept"), onWait: () => undefined });
    await createKeep(join(volume, "kept")).open();
    await lock.release();
  });

  test("what docs/bundles.md types ends with a signed bundle", () => {
    const [script = ""] = blocks("docs/bundles.md", "sh");
    const command = `countersign() { "${process.execPath}" "${join(root, "bin/countersign.js")}" "$@"; }`;
    const out = execFileSync("bash", ["-ec", `${command}\n${script}`], {
      cwd: folder,
      encoding: "utf8",
      stdio: "pipe",
    });
    expect(out).toContain("PASS: 2/2");
    expect(existsSync(join(folder, "signed.tar.gz"))).toBe(true);
  }, 60_000);
});

test("docs/gateway.md's example is a valid configuration", () => {
  expect([...parseGatewayConfig(example("docs/gateway.md")).models.keys()]).toEqual(["gpt-4o"]);
});

describe("docs/gateway-credentials.md", () => {
  test("its example is a valid configuration", () => {
    const config = {
      sidecar: { socket: "/run/pdp.sock" },
      ...(example("docs/gateway-credentials.md") as object),
    };
    expect([...parseGatewayConfig(config as Json).upstreams.keys()]).toEqual(["openai", "anthropic"]);
  });
  test("tells what each code of a failure means", () => {
    const type = /type SecretFault =([\s\S]*?);/.exec(read("gateway/secrets/secret.ts"))?.[1] ?? "";
    const codes = [...type.matchAll(/"(\w+)"/g)].map(([, code = ""]) => code);
    expect(codes.length).toBeGreaterThan(10);
    const text = read("docs/gateway-credentials.md");
    expect(codes.filter((code) => !text.includes(`\`${code}\``))).toEqual([]);
  });
});

test("docs/gateway-reload.md lists what a reload can't change, and nothing else", () => {
  const members = /interface GatewayConfig \{([\s\S]*?)\n\}/.exec(read("gateway/config.ts"))?.[1] ?? "";
  const names = [...members.matchAll(/^  readonly (\w+)/gm)].map(([, name = ""]) => name);
  const source = read("gateway/reload/check-fixed.ts");
  const fixed = names
    .filter((name) => !source.includes(`"${name}"`))
    .map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
  expect(fixed.length).toBeGreaterThan(3);
  const listed = /^Not without a restart: (.*?)\. /m.exec(read("docs/gateway-reload.md"))?.[1] ?? "";
  const said = [...listed.matchAll(/`(\w+)(?:\.\w+)?`/g)].map(([, name = ""]) => name);
  expect(said.sort()).toEqual([...new Set([...fixed, "sidecar"])].sort());
});

test("README's links lead somewhere, and its commands exist", () => {
  const text = read("README.md");
  for (const [, path = ""] of text.matchAll(/\]\(([^)#:]+)\)/g)) {
    // a directory is there when its files are
    expect([path, path.includes(".") ? read(path).length > 0 : true]).toEqual([path, true]);
  }
  const makefile = read("Makefile");
  for (const [, target = ""] of text.matchAll(/`?make (\w+)`?/g)) expect(makefile).toContain(`\n${target}: `);
  const commands = read("cli/main.ts");
  for (const [, command = ""] of text.matchAll(/^countersign (\w+)/gm))
    expect(commands).toContain(`import("./${command}.js")`);
});
