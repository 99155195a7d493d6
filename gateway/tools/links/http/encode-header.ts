/** Writes a value as a header can carry it. Source: MCP 2026-07-28, Streamable HTTP, "Value Encoding". */
export function encodeHeader(value: string): string {
  const plain = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/.test(value) && value !== "";
  if (plain && !(value.startsWith("=?base64?") && value.endsWith("?="))) return value;
  return `=?base64?${Buffer.from(value).toString("base64")}?=`;
}
