/** The demo's file tools: they really read, write and delete, below one directory only. */
import { constants } from "node:fs";
import { lstat, mkdir, open, realpath, rm, writeFile } from "node:fs/promises";
import { dirname, join, sep } from "node:path";

/** What lies below the root at the start. */
export const firstFiles: Readonly<Record<string, string>> = {
  "/workspace/plan.md":
    "# Plan\n\n1. Collect the evaluation set by Friday.\n2. Compare gpt-4o-mini with llama-3.1-70b on it.\n3. Write down what differs and decide.\n",
  "/workspace/notes.md":
    "# Notes\n\n- The evaluation set lacks long documents.\n- Ask research for a review of the prompts.\n",
  "/public/welcome.md":
    "# Welcome\n\nThese files are for everyone. Tools reach them through the gateway, which asks the policies first.\n",
  "/public/notes.md":
    "# Release notes\n\n- Answers can be streamed.\n- Lists hold only what the caller may use.\n",
};

export interface Files {
  read(path: string): Promise<string>;
  write(path: string, content: string): Promise<void>;
  remove(path: string): Promise<void>;
}

/** Why a path was not touched; the message goes to the caller and names nothing outside the root. */
export class FileRefused extends Error {
  override readonly name = "FileRefused";
}

/** Creates {@link firstFiles} below `root` and returns the tools on them. */
export async function createFiles(root: string): Promise<Files> {
  await mkdir(root, { recursive: true });
  const base = await realpath(root);
  for (const [path, content] of Object.entries(firstFiles)) {
    await mkdir(dirname(join(base, path)), { recursive: true });
    await writeFile(join(base, path), content);
  }
  return {
    read: (path) => withFile(base, path, constants.O_RDONLY, (file) => file.readFile("utf8")),
    write: (path, content) =>
      withFile(base, path, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, (file) =>
        file.writeFile(content),
      ),
    async remove(path) {
      const target = await locate(base, path);
      if (!(await lstat(target).catch(missing)).isFile()) throw new FileRefused("not a file");
      await rm(target);
    },
  };
}

type OpenFile = Awaited<ReturnType<typeof open>>;

async function withFile<T>(
  base: string,
  path: string,
  flags: number,
  use: (file: OpenFile) => Promise<T>,
): Promise<T> {
  // O_NOFOLLOW: a link in the last place could lead out of the root; O_NONBLOCK: a pipe would hang
  const at = await locate(base, path);
  const file = await open(at, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600).catch(missing);
  try {
    if (!(await file.stat()).isFile()) throw new FileRefused("not a file");
    return await use(file);
  } finally {
    await file.close();
  }
}

/** INVARIANT: the directory of what is returned, links resolved, is `base` or lies below it. */
async function locate(base: string, path: string): Promise<string> {
  const parts = path.split("/").slice(1);
  const plain = path.startsWith("/") && !/[\\\0]/.test(path);
  if (!plain || parts.some((part) => part === "" || part === "." || part === ".."))
    throw new FileRefused("a path is absolute and without empty, . or .. parts");
  const target = join(base, ...parts);
  const directory = await realpath(dirname(target)).catch(missing);
  if (directory !== base && !directory.startsWith(base + sep))
    throw new FileRefused("the path leads out of the files");
  return join(directory, parts.at(-1) ?? "");
}

function missing(): never {
  throw new FileRefused("no such file");
}
