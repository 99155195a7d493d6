/** Makes policies with a filter out of a grammar of what can be derived, callers and documents, from a seed. */

export interface Random {
  /** A whole number below. */
  below(most: number): number;
  of<T>(list: readonly T[]): T;
  /** True once in so many times. */
  once(times: number): boolean;
}

/** mulberry32 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (most: number): number => Math.floor(next() * most);
  return {
    below,
    of<T>(list: readonly T[]): T {
      return list[below(list.length)] as T;
    },
    once: (times) => below(times) === 0,
  };
}

const texts = ["a", "b", "ab", "abc", ""];
export const fields = {
  string: ["tenant", "class", "name"],
  number: ["level", "at"],
  boolean: ["open", "sealed"],
  strings: ["tags", "groups"],
} as const;

export const facts = {
  levels: { a: 0, b: 1, ab: 2 },
  owners: { u1: "a", u2: "abc" },
  lists: { u1: ["a", "b"], u2: [] },
  tree: { a: { open: true, at: 3 }, b: { open: false, at: 1 }, abc: { at: 2 } },
  names: ["b", "a", 3],
  grid: { a: { b: 1, ab: 2 }, b: { a: 0, b: 3 }, abc: { abc: 1 } },
};

export function anyCaller(random: Random): Record<string, unknown> {
  const out: Record<string, unknown> = { id: random.of(["u1", "u2", "u3"]) };
  if (!random.once(5)) out["tenant"] = random.of(texts);
  if (!random.once(5)) out["class"] = random.of(["a", "b", "ab", "x"]);
  if (!random.once(5)) out["level"] = random.below(5);
  if (!random.once(4)) out["admin"] = random.once(2);
  if (!random.once(5)) out["groups"] = texts.filter(() => random.once(2));
  return out;
}

export function anyDocument(random: Random): Record<string, string | number | boolean | string[]> {
  const out: Record<string, string | number | boolean | string[]> = {};
  for (const field of fields.string) if (!random.once(4)) out[field] = random.of(texts);
  for (const field of fields.number) if (!random.once(4)) out[field] = random.below(5);
  for (const field of fields.boolean) if (!random.once(3)) out[field] = random.once(2);
  for (const field of fields.strings) if (!random.once(4)) out[field] = texts.filter(() => random.once(3));
  return out;
}

/** Gives the text of a package whose `include` is a filter. */
export function anyPolicy(random: Random, name: string): string {
  return createWriter(random).policy(name);
}

/** Rules beside `include`, and the names that are taken. */
function createWriter(random: Random): { policy(name: string): string } {
  const rules: string[] = [];
  let names = 0;
  const fresh = (letter: string): string => `${letter}${++names}`;
  const text = (): string =>
    random.of([
      ...texts.map((one) => JSON.stringify(one)),
      "input.subject.tenant",
      "input.subject.tenant",
      "caller.tenant",
      "data.facts.owners[input.subject.id]",
      "lower(input.subject.tenant)",
      "input.subject.nothing",
    ]);
  const number = (): string =>
    random.of([
      "0",
      "1",
      "1.0",
      "3",
      "input.subject.level",
      "input.subject.level + 1",
      "data.facts.levels[input.subject.class]",
      "count(input.subject.groups)",
    ]);
  const truth = (): string => random.of(["true", "false", "input.subject.admin"]);
  const collection = (): string =>
    random.of([
      "input.subject.groups",
      '{"a", "abc"}',
      '["b", input.subject.tenant]',
      "data.facts.lists[input.subject.id]",
      "data.facts.names",
      "data.facts.owners",
      "mine",
      "caller.groups",
    ]);
  const order = (): string => random.of(["==", "!=", "<", "<=", ">", ">="]);

  /** A literal or two on the document that stands at `d`. */
  const test = (d: string, depth: number): string => {
    const s = `${d}.${random.of(fields.string)}`;
    const n = `${d}.${random.of(fields.number)}`;
    const b = `${d}.${random.of(fields.boolean)}`;
    const l = `${d}.${random.of(fields.strings)}`;
    const x = fresh("x");
    const simple: (() => string)[] = [
      () => `${s} ${order()} ${text()}`,
      () => `${text()} ${order()} ${s}`,
      () => `${n} ${order()} ${number()}`,
      () => `${number()} ${order()} ${n}`,
      () => `${s} = ${text()}`,
      () => `${s} in ${collection()}`,
      () => `${s} in ${random.of(["[]", "{3}", "set()"])}`,
      () => `${random.of(["startswith", "endswith", "contains"])}(${s}, ${text()})`,
      () => random.of([s, n, b]),
      () => `${b} ${random.of(["==", "!="])} ${truth()}`,
      () => `${text()} in ${l}`,
      () => `data.facts.levels[${s}] ${order()} ${number()}`,
      () => `data.facts.tree[${s}].open`,
      () => `data.facts.tree[${s}].at ${order()} ${number()}`,
      () => `${s} in object.keys(data.facts.levels)`,
      () => `mine[${s}]`,
      () => `data.facts.names[${n}] == ${text()}`,
    ];
    const several: (() => string)[] = [
      () => `${l}[_] == ${text()}`,
      () => `${x} := ${s}; ${x} ${order()} ${text()}`,
      () => `${x} := ${s}; data.facts.levels[${x}] > 0; ${x} != ${text()}`,
      () => `${x} := ${n}; ${x} >= ${number()}; ${x} < 4`,
      () => `${x} := ${l}; ${text()} in ${x}`,
      () => `some ${x} in ${l}; ${x} in ${collection()}`,
      () => `some ${x} in ${l}; ${x} == ${text()}`,
      () => `some ${x} in ${l}; ${x} in ${collection()}; ${x} != ${text()}`,
      () => `some ${x} in ${l}; data.facts.levels[${x}] <= ${number()}`,
      () => `some ${x} in ${collection()}; ${x} == ${s}`,
      () => `some ${x} in ${collection()}; ${x} in ${l}`,
      () => `some ${x}; data.facts.levels[${x}] <= ${number()}; ${s} == ${x}`,
      () => `every ${x} in ${collection()} { ${s} != ${x} }`,
      () =>
        `every ${x} in ${random.of(["input.subject.class", "input.subject.level", "mine"])} { ${n} < 2; ${s} != ${x} }`,
      () =>
        `some ${x}; data.facts.grid[${s}][${x}] ${order()} ${number()}; ${x} ${random.of(["==", "!="])} ${d}.${random.of(fields.string)}`,
      () =>
        `some ${x}; data.facts.grid[${x}][${s}] ${order()} ${number()}; ${d}.${random.of(fields.string)} == ${x}`,
      () => `some ${x}, y${x} in data.facts.grid[${s}]; y${x} > 0; ${x} in ${l}`,
      () => `alike(${s}, ${text()})`,
      () => `some [${x}, y${x}] in pairs; ${s} == ${x}; y${x} <= ${number()}`,
      () => `some [${x}, _] in told; ${s} == ${x}`,
      () => `every _, y${x} in data.facts.levels { not ${n} == y${x} }`,
      () => `not not_${x.slice(0, 1)}(${s})`,
      () => `${x} := object.get(data.facts.levels, ${text()}, 1); ${n} == ${x}`,
      () =>
        `${x} := input.resource; ${x}.kind == "k"; ${x}.document.${random.of(fields.string)} == ${text()}`,
      () => `not input.subject.admin`,
      () => `input.subject.level > 1`,
      () => `input.resource.kind == "k"`,
    ];
    const kind = random.below(depth > 0 ? 20 : 14);
    if (kind < 6) return random.of(simple)();
    if (kind < 10) return random.of(several)();
    if (kind < 14) return `not ${random.of(simple)()}`;
    return helper(d, depth - 1);
  };
  const body = (d: string, depth: number): string =>
    Array.from({ length: 1 + random.below(3) }, () => test(d, depth)).join("\n\t");
  const whole = (): string =>
    random.of(["input.resource.document", "doc", "named", "input.resource.document"]);

  /** A use of a rule or function that is written beside. */
  const helper = (d: string, depth: number): string => {
    const h = fresh("h");
    const x = fresh("x");
    const not = random.once(2) ? "not " : "";
    const write = (head: string, inner: string): number => rules.push(`${head} if {\n\t${inner}\n}`);
    switch (random.below(13)) {
      case 0:
        for (let i = 0; i <= random.below(3); i++) write(h, body(whole(), depth));
        return not + h;
      case 1:
        rules.push(`default ${h} := false`);
        write(h, body(whole(), depth));
        return random.of([`not ${h}`, h, `${h} == false`, `${h} != true`]);
      case 2: {
        const value = fresh("y");
        write(`${h} := ${value}`, `${value} := data.facts.levels[${whole()}.${random.of(fields.string)}]`);
        return random.of([`${h} ${order()} ${number()}`, `${not}${h} == ${number()}`, `${not}${h}`]);
      }
      case 3:
        rules.push(
          `${h} := 0 if {\n\t${body(whole(), depth)}\n} else := 1 if {\n\t${body(whole(), depth)}\n} else := 2`,
        );
        return random.of([`${h} ${order()} ${number()}`, `not ${h} == 1`]);
      case 4:
        for (const reason of ["a", "b"]) write(`${h} contains "${reason}"`, body(whole(), depth));
        return random.of([
          `"a" in ${h}`,
          `not "a" in ${h}`,
          `not ${h}.b`,
          `${h}["a"]`,
          `some ${x} in ${h}; ${x} ${order()} ${text()}`,
          `${text()} in ${h}`,
          `${d}.class in ${h}`,
        ]);
      case 5:
        for (let i = 0; i <= random.below(2); i++) write(`${h}(d)`, body("d", depth));
        return `${not}${h}(${d})`;
      case 6:
        write(`${h}(d, v)`, `d.${random.of(fields.string)} ${order()} v\n\t${test("d", depth)}`);
        if (random.once(2)) write(`${h}(d, "a")`, body("d", depth));
        return `${not}${h}(${d}, ${text()})`;
      case 7:
        write(`${h}(v)`, `v in ${collection()}`);
        if (random.once(2)) rules.push(`${h}("a")`);
        if (random.once(2)) write(`${h}(v)`, `data.facts.levels[v] < ${number()}`);
        return `${not}${h}(${d}.${random.of(fields.string)})`;
      case 8: {
        const value = fresh("y");
        write(`${h}(d) := ${value}`, `${value} := data.facts.levels[d.${random.of(fields.string)}]`);
        return random.of([
          `${h}(${d}) ${order()} ${number()}`,
          `${x} := ${h}(${d}); ${x} > 0; ${x} <= ${number()}`,
        ]);
      }
      case 9: {
        const value = fresh("y");
        write(`${h} contains ${value}`, `some ${value} in ${collection()}\n\t${test(whole(), depth)}`);
        write(`${h} contains ${value}`, `${value} := ${text()}\n\t${test(whole(), depth)}`);
        return random.of([
          `${text()} in ${h}`,
          `not ${text()} in ${h}`,
          `${d}.${random.of(fields.string)} in ${h}`,
          `some ${x} in ${h}; ${d}.name != ${x}`,
          `some ${x} in ${d}.tags; ${x} in ${h}`,
        ]);
      }
      case 10:
        rules.push(
          `${h}(d, v) := 0 if {\n\t${test("d", depth)}\n} else := 1 if {\n\td.at ${order()} v\n} else := 2 if {\n\t${test("d", depth)}\n}`,
        );
        return random.of([
          `${h}(${d}, ${number()}) ${order()} ${number()}`,
          `${not}${h}(${d}, ${number()})`,
          `not ${h}(${d}, ${number()}) == 1`,
        ]);
      case 11:
        rules.push(`${h}(d) := d.${random.of(fields.string)}`);
        return `${not}${h}(${d}) == ${text()}`;
      default:
        rules.push(`default ${h}(_) := 3`);
        write(`${h}(d) := 1`, body("d", depth));
        return random.of([`${h}(${d}) == ${number()}`, `not ${h}(${d}) == 1`]);
    }
  };

  return {
    policy(name) {
      const includes = Array.from(
        { length: 1 + random.below(2) },
        () => `include if {\n\t${body(whole(), 2)}\n}`,
      );
      const [first = "", ...others] = includes;
      return [
        `package ${name}`,
        "import input.resource.document as doc",
        `# METADATA\n# scope: document\n# custom: {filter: {unknown: input.resource.document}}\n${first}`,
        ...others,
        ...rules,
        "named := input.resource.document",
        "mine contains g if some g in input.subject.groups",
        'mine contains "ab"',
        'not_x(v) if v == "a"',
        "alike(x, x)",
        'pairs := [["a", 1], ["b", 3], ["ab", input.subject.level]]',
        'told contains ["a", 1] if input.resource.document.at > 1',
        "told contains [input.subject.tenant, 2] if not input.resource.document.sealed",
        'caller := {"tenant": input.subject.tenant, "groups": input.subject.groups}',
      ].join("\n\n");
    },
  };
}
