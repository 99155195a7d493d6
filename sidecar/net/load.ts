/** Loads libraries when they are first needed: each takes its part of the time of a start, and of the memory. */
import { createRequire } from "node:module";
import type * as asn1 from "@peculiar/asn1-schema";
import type * as x509 from "@peculiar/asn1-x509";
import type express from "express";
import type * as undici from "undici";

const require = createRequire(import.meta.url);

export function loadExpress(): typeof express {
  return require("express") as typeof express;
}

export function loadUndici(): typeof undici {
  return require("undici") as typeof undici;
}

/** Gives the syntax of certificates, and what reads it. */
export function loadCertificates(): { readonly asn1: typeof asn1; readonly x509: typeof x509 } {
  return {
    asn1: require("@peculiar/asn1-schema") as typeof asn1,
    x509: require("@peculiar/asn1-x509") as typeof x509,
  };
}
