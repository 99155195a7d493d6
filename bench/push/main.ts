/** Measures how soon what is pushed is in force in three sidecars, in processes of their own, on one Redis (docs/push.md). */
import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { request } from "node:http";
import { fileURLToPath } from "node:url";
import { signArchive } from "../../cli/sign-archive.js";
import { compileBundle } from "../../sidecar/rego/build.js";
import { createToolchain } from "../../sidecar/rego/toolchain.js";
import { writeBundle } from "../../sidecar/rego/write.js";
import { sleep, startRedis } from "../../test/redis.js";
import { author, bundleOf } from "../../test/push/world.js";

const replicas = 3;
const rounds = Number(process.env["ROUNDS"] ?? 100);
/** Milliseconds between pushes; a compiler ends when it had nothing to do for ten seconds. */
const pauseMs = Number(process.env["PAUSE_MS"] ?? 0);
/** The author compiles it, as `countersign build` does, and no sidecar tests it. */
const compiled = process.env["COMPILED"] !== undefined;
/** Rules of the policy that is pushed, beside those that are asked. */
const rules = Number(process.env["RULES"] ?? 60);

interface Told {
  readonly kind: "ready" | "in_force";
  readonly url?: string;
  readonly key?: string;
  readonly revision?: string;
  readonly at?: number;
}

const redis = await startRedis();
const children: ChildProcess[] = [];
const urls: string[] = [];
let key = "";
const inForce = new Map<string, number[]>();
for (let n = 0; n < replicas; n++) {
  const child = fork(fileURLToPath(new URL("replica.js", import.meta.url)), [
    redis.url,
    JSON.stringify(author),
  ]);
  child.on("message", ({ kind, url, revision = "", at = 0, ...told }: Told) => {
    if (kind === "ready") {
      urls.push(url ?? "");
      key = told.key ?? "";
    } else inForce.set(revision, [...(inForce.get(revision) ?? []), at]);
  });
  children.push(child);
}
while (urls.length < replicas) await sleep(20);

const more = Array.from(
  { length: rules },
  (_, i) =>
    `\nallowed_${i} if {\n\tinput.subject.id == "user-${i}"\n\tinput.resource.type in ["model", "tool"]\n}\n`,
).join("");
const put = (url: string, bytes: Buffer): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = {
      ...{ authorization: `Bearer ${key}`, "content-type": "application/gzip" },
      "content-length": bytes.byteLength,
    };
    const req = request(new URL("/v1/bundles/app", url), { method: "PUT", headers }, (res) => {
      res.resume().on("end", () => {
        resolve(res.statusCode ?? 0);
      });
    });
    req.on("error", reject).end(bytes);
  });

const toolchain = createToolchain({});
/** What `countersign build --signing-key` makes of it. */
async function compile(revision: string, version: number, rego: string): Promise<Buffer> {
  const manifest = { revision, roots: ["app"], rego_version: 1, metadata: { version } };
  const files = { "app.rego": rego, ".manifest": JSON.stringify(manifest) };
  const built = await compileBundle({ files, toolchain, entrypoints: ["app/allow"] });
  if (built.kind === "rejected") throw new Error(JSON.stringify(built.errors));
  const signed = await signArchive(writeBundle(built.bundle), {
    ...{ key: author.privateKey, alg: "ES256", keyId: "author" },
  });
  if (signed.kind === "rejected") throw new Error(JSON.stringify(signed.errors));
  return Buffer.from(signed.bytes);
}

const answered: number[] = [];
const everywhere: number[] = [];
for (let n = 0; n <= rounds; n++) {
  const revision = `r${n}`;
  const rego = `package app\n\n# METADATA\n# entrypoint: true\nallow := true\n\nrevision := "${revision}"\n${more}`;
  const bytes = compiled
    ? await compile(revision, n + 1, rego)
    : await bundleOf({ revision, version: n + 1, rego });
  await sleep(pauseMs);
  const began = Date.now();
  const status = await put(urls[n % replicas] ?? "", bytes);
  const took = Date.now() - began;
  if (status !== 201) throw new Error(`push ${n} was answered with ${status}`);
  while ((inForce.get(revision)?.length ?? 0) < replicas) await sleep(1);
  const all = Math.max(...(inForce.get(revision) ?? [])) - began;
  if (n === 0) {
    process.stdout.write(
      `the first, which starts three compilers: answered in ${took} ms, in force everywhere in ${all} ms\n`,
    );
    continue;
  }
  answered.push(took);
  everywhere.push(all);
}
await toolchain.close();
for (const child of children) child.send("stop");
await Promise.all(children.map((child) => new Promise((resolve) => child.once("exit", resolve))));
await redis.close();

const figure = (values: number[]): string => {
  values.sort((a, b) => a - b);
  const at = (share: number): string => String(values[Math.ceil(values.length * share) - 1] ?? NaN);
  return `median ${at(0.5)} ms, p95 ${at(0.95)} ms, worst ${at(1)} ms`;
};
process.stdout.write(
  `${rounds} pushes of ${rules + 2} rules, signed and ${compiled ? "compiled" : "tested"}, to ${replicas} sidecars in turn, on one Redis\n` +
    `until the push is answered:     ${figure(answered)}\n` +
    `until it is in force in all:    ${figure(everywhere)}\n`,
);
