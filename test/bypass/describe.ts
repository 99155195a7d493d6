interface Tried {
  readonly title: string;
  readonly then: string;
  readonly attacks: readonly unknown[];
}

/** Writes what is tried as the table of docs/gateway-bypass.md, or of docs/gateway-tools-bypass.md. */
export function describeTopics(topics: readonly Tried[]): string {
  const rows = topics.map(({ title, then, attacks }) => `| ${title} | ${attacks.length} | ${then} |`);
  const all = topics.reduce((sum, { attacks }) => sum + attacks.length, 0);
  return ["| what is tried | cases | what happens |", "|---|---|---|", ...rows, `| all | ${all} | |`].join(
    "\n",
  );
}
