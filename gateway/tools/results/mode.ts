/**
 * What is done with what tools, resources and prompts give: `decide`: policy is asked before the client gets it; `observe`: it is
 * looked at, for the record; `off`: it is neither.
 */
export const resultModes = ["decide", "observe", "off"] as const;
export type ResultMode = (typeof resultModes)[number];
export const defaultResultMode: ResultMode = "decide";
