/** The demo's world: who exists in it, as their tokens' claims (all but times and audience). */
export const identityNames = ["senior", "reviewer", "analyst", "contractor", "ci"] as const;
export type IdentityName = (typeof identityNames)[number];

export interface DemoClaims {
  readonly sub: string;
  readonly sub_type?: "user" | "agent" | "workload";
  readonly act?: { readonly sub: string; readonly type: "agent" | "workload" };
  readonly tenant: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly department?: string;
  /** What the task at hand is for, as the issuer vouches. */
  readonly purpose?: string;
  readonly device?: { readonly id: string; readonly managed: boolean; readonly compliant: boolean };
}

export const identities: Readonly<Record<IdentityName, DemoClaims>> = {
  // a senior ML engineer's agent
  senior: {
    sub: "sam@acme.example",
    act: { sub: "agent:senior-assistant", type: "agent" },
    tenant: "acme",
    groups: ["ml-engineering", "ml-senior"],
    roles: ["engineer"],
    department: "research",
    device: { id: "acme-laptop-17", managed: true, compliant: true },
  },
  // another agent of the same engineer's, for a task that needs less
  reviewer: {
    sub: "sam@acme.example",
    act: { sub: "agent:reviewer", type: "agent" },
    tenant: "acme",
    groups: ["ml-engineering", "ml-senior"],
    roles: ["engineer"],
    department: "research",
    purpose: "review",
    device: { id: "acme-laptop-17", managed: true, compliant: true },
  },
  // a data scientist's notebook
  analyst: {
    sub: "ada@acme.example",
    act: { sub: "notebook:ada", type: "workload" },
    tenant: "acme",
    groups: ["data-science"],
    roles: ["analyst"],
    department: "analytics",
    device: { id: "acme-laptop-23", managed: true, compliant: true },
  },
  // an agent of another tenant
  contractor: {
    sub: "kim@globex.example",
    act: { sub: "agent:globex-helper", type: "agent" },
    tenant: "globex",
    groups: ["contractors"],
    roles: ["contractor"],
    device: { id: "byod-5", managed: false, compliant: false },
  },
  // a job that acts for nobody
  ci: {
    sub: "job:nightly-eval",
    sub_type: "workload",
    tenant: "acme",
    groups: ["ci"],
    roles: ["job"],
  },
};

export function isIdentityName(name: string): name is IdentityName {
  return (identityNames as readonly string[]).includes(name);
}
