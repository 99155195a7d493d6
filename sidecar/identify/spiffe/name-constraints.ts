import type { GeneralName, GeneralSubtree } from "@peculiar/asn1-x509";
import type { Certificate } from "./certificate.js";

type Form = keyof GeneralName;

/** How a name of a form is compared with a constraint (RFC 5280 section 4.2.1.10); other forms aren't understood. */
const within: { readonly [F in Form]?: (name: string, base: string) => boolean } = {
  uniformResourceIdentifier: (name, base) => {
    const host = /^[a-z][a-z0-9+.-]*:\/\/([^/?#@:]+)(?:[/?#]|$)/i.exec(name)?.[1]?.toLowerCase() ?? "";
    const domain = base.toLowerCase();
    return domain.startsWith(".") ? host.length > domain.length && host.endsWith(domain) : host === domain;
  },
  dNSName: (name, base) => {
    const [host, domain] = [name.toLowerCase(), base.toLowerCase()];
    return domain === "" || host === domain || host.endsWith(`.${domain}`);
  },
};
/** What a URI or DNS constraint may look like: a host, for URIs with a dot before it for all below it. */
const hostForm = /^\.?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;

/**
 * Tells whether the names of a certificate are within the constraints of a CA above it.
 * INVARIANT: a constraint on a form of name that isn't understood is broken by any name of that form.
 */
export function keepsConstraints(below: Certificate, ca: Certificate): boolean {
  const { constraints } = ca;
  if (constraints === undefined) return true;
  const permitted = [...(constraints.permittedSubtrees ?? [])];
  const excluded = [...(constraints.excludedSubtrees ?? [])];
  if (below.hasSubject && [...permitted, ...excluded].some((tree) => formOf(tree.base) === "directoryName")) {
    return false;
  }
  return below.names.every((name) => {
    const form = formOf(name);
    if (form === undefined) return permitted.length + excluded.length === 0;
    const allowing = permitted.filter((tree) => formOf(tree.base) === form);
    const forbidding = excluded.filter((tree) => formOf(tree.base) === form);
    // an unclear tree allows nothing and forbids everything
    if (forbidding.some((tree) => !isClear(tree, form) || matches(name, tree, form))) return false;
    return allowing.length === 0 || allowing.some((tree) => isClear(tree, form) && matches(name, tree, form));
  });
}

function formOf(name: GeneralName): Form | undefined {
  return (Object.keys(name) as Form[]).find((form) => name[form] !== undefined);
}

function isClear(tree: GeneralSubtree, form: Form): boolean {
  const base = tree.base[form];
  if (within[form] === undefined || typeof base !== "string") return false;
  if (tree.minimum !== 0 || tree.maximum !== undefined) return false;
  return hostForm.test(base) || (form === "dNSName" && base === "");
}

function matches(name: GeneralName, tree: GeneralSubtree, form: Form): boolean {
  const [value, base] = [name[form], tree.base[form]];
  if (typeof value !== "string" || typeof base !== "string") return false;
  return within[form]?.(value, base) ?? false;
}
