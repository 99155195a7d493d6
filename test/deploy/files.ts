/** Reads what deploy/ and docs/ hold. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load } from "js-yaml";

/** Path of a file of the repository, from dist/test/deploy. */
export const pathOf = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
export const textOf = (name: string): string => readFileSync(pathOf(name), "utf8");

export interface Expression {
  readonly where: string;
  readonly expr: string;
}

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export function alerts(): readonly Alert[] {
  const file = load(textOf("deploy/prometheus/alerts.yaml")) as { groups: { rules: Alert[] }[] };
  return file.groups.flatMap(({ rules }) => rules);
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

export interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

export const dashboard = (): Dashboard => JSON.parse(textOf("deploy/grafana/countersign.json")) as Dashboard;

/** Every PromQL expression of the dashboard, its variables filled in. */
export function dashboardExpressions(): readonly Expression[] {
  const { panels, annotations } = dashboard();
  return [
    ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: `panel ${title}`, expr }))),
    ...annotations.list.map(({ name, expr }) => ({ where: `annotation ${name}`, expr })),
  ].map(({ where, expr }) => ({
    where,
    expr: expr
      .replaceAll("$__rate_interval", "5m")
      .replaceAll("$__range", "3h")
      .replace(/\$(?:job|instance|kind)\b/g, ".*"),
  }));
}

export const alertExpressions = (): readonly Expression[] =>
  alerts().map(({ alert, expr }) => ({ where: `alert ${alert}`, expr }));
