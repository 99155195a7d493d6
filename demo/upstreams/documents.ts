/** The demo's documents: short, and fictional where they speak of people. */
export interface Document {
  readonly id: string;
  readonly text: string;
  /** `*`: everybody's. */
  readonly tenant: string;
  readonly classification: "public" | "internal" | "confidential" | "restricted";
}

export const collections: Readonly<Record<string, readonly Document[]>> = {
  handbook: [
    {
      id: "handbook-1",
      text: "Holiday requests go to your team lead two weeks ahead; public holidays follow the office calendar.",
      tenant: "acme",
      classification: "internal",
    },
    {
      id: "handbook-2",
      text: "Expenses above 500 euros need a second signature. Keep receipts for seven years.",
      tenant: "acme",
      classification: "internal",
    },
    {
      id: "handbook-3",
      text: "On-call engineers carry the pager for a week and hand over on Monday morning.",
      tenant: "acme",
      classification: "internal",
    },
    {
      id: "handbook-4",
      text: "Holiday pay of the executive board is set by the remuneration committee in closed session.",
      tenant: "acme",
      classification: "restricted",
    },
  ],
  patients: [
    {
      id: "patient-17",
      text: "Patient 17: diagnosis of seasonal asthma, treated with an inhaler, review in spring.",
      tenant: "acme",
      classification: "restricted",
    },
    {
      id: "patient-23",
      text: "Patient 23: diagnosis pending, blood panel ordered, follow-up visit in two weeks.",
      tenant: "acme",
      classification: "restricted",
    },
  ],
  "globex-docs": [
    {
      id: "globex-1",
      text: "Globex roadmap: the turbine controller ships in autumn with a new safety interlock.",
      tenant: "globex",
      classification: "confidential",
    },
    {
      id: "globex-2",
      text: "Globex supplier list: bearings come from two vendors; renegotiate before winter.",
      tenant: "globex",
      classification: "confidential",
    },
  ],
  "public-docs": [
    {
      id: "public-1",
      text: "Opening hours: the visitor centre is open from nine to five on weekdays and closed on public holidays.",
      tenant: "*",
      classification: "public",
    },
    {
      id: "public-2",
      text: "How to reach us: tram line 4, stop University, then five minutes on foot.",
      tenant: "*",
      classification: "public",
    },
  ],
};
