/** What obligations ask for beside what is done to the request itself: about its answer, its record, and who is told. */
import type { JsonObject, Obligation } from "../../sidecar/contract.js";
import type { AnswerMode } from "../content/answer/inspect.js";
import { answerModes } from "../content/answer/inspect.js";
import type { Masking } from "../content/mask-text.js";
import type { Notice } from "../notify/notifier.js";
import { take, textsOf } from "./duty.js";
import { readMasking } from "./mask.js";

export interface Beside {
  /** What is to be taken out of the answer. */
  readonly masks: readonly Masking[];
  readonly labels: readonly string[];
  readonly notices: readonly Notice[];
  /** How the answer is to be looked at; absent: as is configured. */
  readonly answers?: AnswerMode;
}

/** What can be done here. */
export interface Able {
  /** The fields of the answer that pointers may begin with; undefined where it can't be masked at all. */
  readonly answer: readonly string[] | undefined;
  /** Whether there are detectors for the answer. */
  readonly scans: boolean;
  readonly hasHook: (name: string) => boolean;
}

export const besideObligations = ["add_label", "notify", "inspect_answer"] as const;

/** Those that a decision on an answer may ask for. */
export const answerObligations = ["add_label", "notify"] as const;

export const nothingBeside: Beside = { masks: [], labels: [], notices: [] };

type Reader = (properties: JsonObject, able: Able) => Partial<Beside> | undefined;

const mostLabels = 32;
const labelForm = /^[a-z0-9][a-z0-9_.:-]{0,63}$/;

const readers: Readonly<Record<(typeof besideObligations)[number] | "mask", Reader>> = {
  mask(properties, { answer }) {
    const masking = answer === undefined ? undefined : readMasking(properties, "response", answer);
    return masking === undefined ? undefined : { masks: [masking] };
  },
  add_label(properties) {
    const labels = textsOf(take(properties, "labels")?.["labels"]);
    const fit = labels !== undefined && labels.length <= mostLabels;
    return fit && labels.every((label) => labelForm.test(label)) ? { labels } : undefined;
  },
  notify(properties, { hasHook }) {
    const { hook, required = false } = take(properties, "hook", "required") ?? {};
    if (typeof hook !== "string" || typeof required !== "boolean" || !hasHook(hook)) return undefined;
    return { notices: [{ hook, required }] };
  },
  inspect_answer(properties, { scans }) {
    const said = take(properties, "mode")?.["mode"];
    const mode = answerModes.find((one) => one === said);
    return mode === undefined || !scans ? undefined : { answers: mode };
  },
};

/**
 * Takes out what there is to do beside the request.
 * @returns undefined where one isn't understood, or can't be done here, which denies
 */
export function takeBeside(
  obligations: readonly Obligation[],
  able: Able,
): { readonly beside: Beside; readonly others: readonly Obligation[] } | undefined {
  let beside = nothingBeside;
  const others: Obligation[] = [];
  for (const obligation of obligations) {
    const { type, properties } = obligation;
    const mine = type === "mask" ? properties["phase"] === "response" : Object.hasOwn(readers, type);
    if (!mine) {
      others.push(obligation);
      continue;
    }
    const read = readers[type as keyof typeof readers](properties, able);
    if (read === undefined) return undefined;
    beside = joinBeside(beside, { ...nothingBeside, ...read });
  }
  return { beside, others };
}

/** Joins what two decisions ask for: the stricter counts. */
export function joinBeside(one: Beside, other: Beside): Beside {
  const modes = [one.answers, other.answers].filter((mode) => mode !== undefined);
  const answers = modes.includes("decide") ? "decide" : modes[0];
  return {
    masks: [...one.masks, ...other.masks],
    labels: [...new Set([...one.labels, ...other.labels])],
    notices: [...one.notices, ...other.notices],
    ...(answers === undefined ? {} : { answers }),
  };
}
