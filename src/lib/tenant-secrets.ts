// Secrets that tenants may name but never see. The operator sets `TENANT_SECRET_FOO` and, in `TENANT_SECRET_FOO_FOR`,
// the tenants and hosts it is for: `acme@vllm.example.com, beta@api.example.com:8443`. Without that second variable a
// secret is for nobody, and every refusal sounds the same, so that a tenant cannot find out what others have.

import * as z from "zod";
import { err, ok, type Result } from "./result.ts";

type Variables = Readonly<Record<string, string | undefined>>;

export const SecretName = z
  .string()
  .max(128)
  .regex(/^TENANT_SECRET_[A-Z0-9_]+$/, "Must be the name of a TENANT_SECRET_ variable.")
  .refine((name) => !name.endsWith("_FOR"), "Must be the name of a TENANT_SECRET_ variable.");

export interface SecretFault {
  readonly code: "secret_refused";
  readonly detail: string;
}

/** `host` as in a URL: with its port where that is not the scheme's own. */
export type SecretFor = (tenant: string, name: string, host: string) => Result<string, SecretFault>;

export function createTenantSecrets(variables: Variables): SecretFor {
  return (tenant, name, host) => {
    const value = SecretName.safeParse(name).success ? (variables[name]?.trim() ?? "") : "";
    const bindings = (variables[`${name}_FOR`] ?? "").split(",").map((binding) => binding.trim());
    return value !== "" && bindings.includes(`${tenant}@${host.toLowerCase()}`)
      ? ok(value)
      : err({ code: "secret_refused", detail: `there is no secret ${name} for this tenant and ${host}` });
  };
}
