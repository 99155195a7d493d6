/** The demo's documents; persons, companies and cases are invented. */

export interface DemoDocument {
  readonly id: string;
  readonly text: string;
  /** Whose it is; `*` is everyone's. */
  readonly tenant: string;
  readonly classification: "public" | "internal" | "confidential" | "restricted";
}

function shelf(
  tenant: string,
  classification: DemoDocument["classification"],
  texts: Readonly<Record<string, string>>,
): DemoDocument[] {
  return Object.entries(texts).map(([id, text]) => ({ id, text, tenant, classification }));
}

/** Collections by name, as the gateway's configuration names them. */
export const collections: ReadonlyMap<string, readonly DemoDocument[]> = new Map([
  [
    "handbook",
    [
      ...shelf("acme", "internal", {
        "handbook-vacation":
          "Vacation: everyone has 28 days a year. Enter them in the calendar two weeks ahead and name a deputy.",
        "handbook-models":
          "Choosing a model: start with gpt-4o-mini. Frontier models such as gpt-4o are for senior engineers; experiments run on llama-3.1-70b.",
        "handbook-incidents":
          "Incidents: whoever notices one opens a channel, names a lead and writes down every step with its time.",
        "handbook-data":
          "Handling data: patient records stay in the research department and never go into a prompt to a model outside the company.",
      }),
      ...shelf("acme", "restricted", {
        "handbook-salaries":
          "Salary bands: engineers E3 62 to 74 thousand, E4 75 to 92 thousand, E5 93 to 118 thousand. For people managers only.",
      }),
    ],
  ],
  [
    "patients",
    shelf("acme", "restricted", {
      "patient-0041":
        "Ada Lindqvist (fictional), 54. Diagnosis: type 2 diabetes. Metformin 500 mg twice a day; next check of HbA1c in March.",
      "patient-0042":
        "Tomas Okafor (fictional), 37. Diagnosis: seasonal asthma. Inhaler as needed; spirometry without findings.",
      "patient-0043":
        "Mirela Sorensen (fictional), 61. Diagnosis: hypertension. Ramipril 5 mg; blood pressure 138 over 86 at the last visit.",
    }),
  ],
  [
    "globex-docs",
    shelf("globex", "confidential", {
      "globex-roadmap":
        "Globex roadmap: the fusion relay ships in the third quarter; the pilot customer is the port of Cypress Creek.",
      "globex-contract":
        "Globex contract with Acme: support for model evaluation, 400 hours, ends in December, renewed by written notice.",
      "globex-onboarding":
        "Globex onboarding: contractors receive a managed laptop and read access to globex-docs on the first day.",
    }),
  ],
  [
    "public-docs",
    shelf("*", "public", {
      "public-about":
        "About Acme: we build tools for clinical research in twelve countries. Our offices are in Hamburg and Porto.",
      "public-api":
        "API guide: send a bearer token with every request; answers are JSON; lists are cut into pages of fifty.",
      "public-status":
        "Status page: maintenance is on the first Sunday of a month from six to eight in the morning, UTC.",
      "public-policy":
        "What a policy decides: who may call which model, run which tool and read which documents. What no policy allows is denied.",
    }),
  ],
]);
