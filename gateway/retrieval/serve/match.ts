/** Where the stores' own APIs begin. */
export const storesPath = "/stores/";

const pattern = /^\/stores\/((?!\.{1,2}\/)[A-Za-z0-9][A-Za-z0-9._:-]{0,127})((?:\/[^]{0,8192})?)$/;

/** Finds the store's name and what follows it; undefined where the target is none of a store. */
export function matchStore(target: string): { readonly name: string; readonly rest: string } | undefined {
  const [, name, rest = ""] = pattern.exec(target) ?? [];
  return name === undefined ? undefined : { name, rest: rest === "" ? "/" : rest };
}
