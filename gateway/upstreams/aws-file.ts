/** Keys of AWS from a shared credentials file. Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files". */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { AwsFile } from "./upstream.js";

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Gives the keys of a profile as they are now. @throws Error where there are none, and never were */
export type ReadAwsFile = (file: AwsFile) => Promise<AwsKeys>;

/** The largest file that is read, bytes. */
const largest = 65_536;

export function createReadAwsFile(): ReadAwsFile {
  const known = new Map<string, { readonly version: string; readonly keys: AwsKeys }>();
  return async (file) => {
    const key = JSON.stringify([file.path, file.profile]);
    const before = known.get(key);
    try {
      // a pipe without a writer must not keep us waiting
      const handle = await open(file.path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const { ino, size, mtimeNs, isFile } = await statOf(handle);
        if (!isFile || size > largest) throw new Error("no file of bearable size");
        const version = `${ino} ${size} ${mtimeNs}`;
        if (before?.version === version) return before.keys;
        const keys = readProfile(await handle.readFile("utf8"), file.profile);
        known.set(key, { version, keys });
        return keys;
      } finally {
        await handle.close();
      }
    } catch {
      // a file that is being written: AWS judges whether the keys of before still do
      if (before !== undefined) return before.keys;
      // INVARIANT: nothing of the file stands in an error
      throw new Error("the credentials file has no keys of that profile");
    }
  };
}

async function statOf(handle: Awaited<ReturnType<typeof open>>) {
  const stat = await handle.stat({ bigint: true });
  return { ino: stat.ino, size: Number(stat.size), mtimeNs: stat.mtimeNs, isFile: stat.isFile() };
}

const names: Readonly<Record<string, keyof AwsKeys>> = {
  aws_access_key_id: "accessKeyId",
  aws_secret_access_key: "secretAccessKey",
  aws_session_token: "sessionToken",
};

function readProfile(text: string, profile: string): AwsKeys {
  const found: { -readonly [Name in keyof AwsKeys]?: string } = {};
  let section: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, named] = /^\s*\[\s*(?:profile\s+)?([^\]]+?)\s*\]\s*(?:[#;].*)?$/.exec(line) ?? [];
    if (named !== undefined) {
      section = named;
      continue;
    }
    const [, name = "", value = ""] = /^\s*(\w+)\s*=\s*([\x21-\x7e]{1,16384})\s*$/.exec(line) ?? [];
    const field = section === profile && Object.hasOwn(names, name) ? names[name] : undefined;
    if (field !== undefined) found[field] = value;
  }
  const { accessKeyId, secretAccessKey, sessionToken } = found;
  if (accessKeyId === undefined || secretAccessKey === undefined) throw new Error("no keys");
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}
