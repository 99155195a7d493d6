/** Where named routes begin. */
export const routesPath = "/routes/";

const pattern = /^\/routes\/((?!\.{1,2}\/)[A-Za-z0-9][A-Za-z0-9._:-]{0,127})(\/[^]*)$/;

/** Finds the route's name and what follows it; undefined where the target is none of a named route. */
export function matchNamed(target: string): { readonly name: string; readonly rest: string } | undefined {
  const [, name, rest] = pattern.exec(target) ?? [];
  return name === undefined || rest === undefined ? undefined : { name, rest };
}

export function nameOf(target: string): string | undefined {
  return matchNamed(target)?.name;
}
