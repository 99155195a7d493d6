import type { Fields, Problems } from "../../sidecar/contract.js";
import type { AnswerMode } from "./answer/inspect.js";
import { answerModes } from "./answer/inspect.js";
import type { DetectorName } from "./detector.js";
import { detectorNames } from "./detector.js";

export interface ContentConfig {
  readonly detectors: readonly DetectorName[];
  /** What each detector may take for one request, milliseconds. */
  readonly budgetMs: number;
  /** What of a request's text is looked at, bytes. */
  readonly maxBytes: number;
  /** What is done with answers; absent: nothing. */
  readonly answers?: AnswerMode;
}

/** Reads `content: {detectors, budget_ms, max_bytes, answers}`. */
export function readContentConfig(fields: Fields, problems: Problems): ContentConfig {
  const names = fields.strings("detectors") ?? [];
  const known = names.filter((name): name is DetectorName => detectorNames.some((one) => one === name));
  if (names.length === 0 || known.length < names.length || new Set(names).size < names.length) {
    problems.add(fields.at("detectors"), `must name some of ${detectorNames.join(", ")}, each once`);
  }
  const answers = fields.oneOf("answers", answerModes);
  const config = {
    ...(answers === undefined ? {} : { answers }),
    detectors: known,
    budgetMs: fields.integer("budget_ms", 1, 10_000) ?? 50,
    maxBytes: fields.integer("max_bytes", 1_024, 2 ** 30) ?? 2 ** 20,
  };
  fields.end();
  return config;
}
