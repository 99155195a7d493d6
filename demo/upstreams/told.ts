import type { CallToolResult } from "@modelcontextprotocol/sdk/types.js";
import { FileRefused } from "./files.js";

/** Makes a tool's result; a refused path is told to the model, any other fault is the SDK's to report. */
export async function told(run: () => Promise<string>): Promise<CallToolResult> {
  try {
    return { content: [{ type: "text", text: await run() }] };
  } catch (error) {
    const text = error instanceof FileRefused ? error.message : "the tool failed";
    return { isError: true, content: [{ type: "text", text }] };
  }
}
