/** The demo's documents; persons, companies and cases are invented. */

export interface DemoDocument {
  readonly text: string;
  /** Whose it is; `*` is everyone's. A list is nobody's to policy, whatever a store makes of it. */
  readonly tenant: string | readonly string[];
  readonly classification?: "public" | "internal" | "confidential" | "restricted";
  /** Whose department needs to know; absent: nobody's in particular. */
  readonly department?: string;
  readonly owner?: string;
  /** For senior engineers only. */
  readonly reviewer?: string;
  readonly created: string;
  /** From then on nobody gets it. */
  readonly expires?: string;
}

/** By ids. */
export type Shelf = Readonly<Record<string, DemoDocument>>;

const created = "2026-03-02T09:00:00Z";

function shelf(
  common: Omit<DemoDocument, "text" | "created">,
  texts: Readonly<Record<string, string>>,
): Shelf {
  return Object.fromEntries(Object.entries(texts).map(([id, text]) => [id, { text, ...common, created }]));
}

const acme = { tenant: "acme", classification: "internal", created } as const;

/** Several tenants, departments and classifications in one collection. */
const wiki: Shelf = {
  "budget-calendar": {
    ...acme,
    text: "Budget calendar: every department hands in its budget by the first of October.",
  },
  "budget-analytics": {
    ...acme,
    text: "Budget of analytics: two more notebooks, one seat at a conference, no new databases.",
    ...{ department: "analytics", owner: "ada@acme.example", reviewer: "sam@acme.example" },
  },
  "budget-research": {
    ...acme,
    text: "Budget of research: a second cluster for trials, four months of a statistician.",
    ...{ department: "research", owner: "sam@acme.example" },
  },
  "budget-support": {
    ...acme,
    text: "Budget of support: headsets, and a translator for Portuguese.",
    ...{ department: "support", owner: "rui@acme.example" },
  },
  "budget-board": {
    ...acme,
    text: "Budget of the board: 3.1 million for the purchase of a competitor, not to be told before June.",
    classification: "confidential",
  },
  "budget-trials": {
    ...acme,
    text: "Budget of the trials: per patient 4,200, of which 900 are paid to the patient.",
    ...{ classification: "restricted", department: "research" },
  },
  "budget-2019": {
    ...acme,
    text: "Budget of 2019, kept for the auditors until the end of 2025.",
    expires: "2026-01-01T00:00:00Z",
  },
  "budget-draft": {
    text: "Budget, a draft that nobody classified: cut everything by a tenth.",
    ...{ tenant: "acme", created },
  },
  "budget-joint": {
    ...acme,
    text: "Joint budget of Acme and Globex, whose owner nobody settled.",
    tenant: ["acme", "globex"],
  },
  "budget-globex": {
    ...acme,
    text: "Budget of Globex for its work at Acme: 400 hours until December.",
    tenant: "globex",
  },
  "budget-public": {
    ...acme,
    text: "How we budget: a tenth of what Acme earns goes into open data.",
    ...{ tenant: "*", classification: "public" },
  },
};

/** Collections by name, as the gateway's configuration names them. */
export const collections: ReadonlyMap<string, Shelf> = new Map([
  ["wiki", wiki],
  [
    "handbook",
    {
      ...shelf(
        { tenant: "acme", classification: "internal" },
        {
          "handbook-vacation":
            "Vacation: everyone has 28 days a year. Enter them in the calendar two weeks ahead and name a deputy.",
          "handbook-models":
            "Choosing a model: start with gpt-4o-mini. Frontier models such as gpt-4o are for senior engineers; experiments run on llama-3.1-70b.",
          "handbook-incidents":
            "Incidents: whoever notices one opens a channel, names a lead and writes down every step with its time.",
          "handbook-data":
            "Handling data: patient records stay in the research department and never go into a prompt to a model outside the company.",
        },
      ),
      ...shelf(
        { tenant: "acme", classification: "restricted" },
        {
          "handbook-salaries":
            "Salary bands: engineers E3 62 to 74 thousand, E4 75 to 92 thousand, E5 93 to 118 thousand. For people managers only.",
        },
      ),
    },
  ],
  [
    "patients",
    shelf(
      { tenant: "acme", classification: "restricted", department: "research" },
      {
        "patient-0041":
          "Ada Lindqvist (fictional), 54. Diagnosis: type 2 diabetes. Metformin 500 mg twice a day; next check of HbA1c in March.",
        "patient-0042":
          "Tomas Okafor (fictional), 37. Diagnosis: seasonal asthma. Inhaler as needed; spirometry without findings.",
        "patient-0043":
          "Mirela Sorensen (fictional), 61. Diagnosis: hypertension. Ramipril 5 mg; blood pressure 138 over 86 at the last visit.",
      },
    ),
  ],
  [
    "globex-docs",
    shelf(
      { tenant: "globex", classification: "confidential" },
      {
        "globex-roadmap":
          "Globex roadmap: the fusion relay ships in the third quarter; the pilot customer is the port of Cypress Creek.",
        "globex-contract":
          "Globex contract with Acme: support for model evaluation, 400 hours, ends in December, renewed by written notice.",
        "globex-onboarding":
          "Globex onboarding: contractors receive a managed laptop and read access to globex-docs on the first day.",
      },
    ),
  ],
  [
    "public-docs",
    shelf(
      { tenant: "*", classification: "public" },
      {
        "public-about":
          "About Acme: we build tools for clinical research in twelve countries. Our offices are in Hamburg and Porto.",
        "public-api":
          "API guide: send a bearer token with every request; answers are JSON; lists are cut into pages of fifty.",
        "public-status":
          "Status page: maintenance is on the first Sunday of a month from six to eight in the morning, UTC.",
        "public-policy":
          "What a policy decides: who may call which model, run which tool and read which documents. What no policy allows is denied.",
      },
    ),
  ],
]);
