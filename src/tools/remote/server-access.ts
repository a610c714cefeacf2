// What a call to a connected server carries: the header with its secret, and a fetch that counts what comes back. The
// secret is looked up for each call, so that a changed one works at once, and is taken out of whatever the server says.

import { err, ok, type Result } from "../../lib/result.ts";
import type { SecretFor } from "../../lib/tenant-secrets.ts";
import { staysAtOrigin, type ToolServer } from "./tool-server.ts";

type Variables = Readonly<Record<string, string | undefined>>;

export interface ServerAccess {
  readonly headers: Readonly<Record<string, string>>;
  /** A JSON value without the secret, should the server have repeated it. */
  readonly redact: (said: unknown) => unknown;
  /** The same of a text. To be done before it is cut: half a secret would not be found. */
  readonly redactText: (said: string) => string;
}

export interface AccessDeps {
  readonly variables: Variables;
  readonly secretFor: SecretFor;
}

/** Shorter ones would be found in innocent texts. */
const minRedacted = 6;
const mark = "[secret]";

/** The error is what the server needs, as the catalogue shows it. */
export function accessOf(
  { variables, secretFor }: AccessDeps,
  server: ToolServer,
  url: string,
  tenant: string,
): Result<ServerAccess, string> {
  const { secret: name, header } = server;
  if (name === undefined) {
    return ok({ headers: {}, redact: (said) => said, redactText: (said) => said });
  }
  if (!staysAtOrigin(header)) {
    // Registered before such headers were refused.
    return err(`another header than ${header}`);
  }
  const secret = name.startsWith("TENANT_")
    ? secretFor(tenant, name, new URL(url).host)
    : ok(variables[name]?.trim() ?? "");
  if (!secret.ok || secret.value === "") {
    return err(name.startsWith("TENANT_") ? `${name} for this tenant and host` : name);
  }
  const { value } = secret;
  return ok({
    headers: { [header]: header === "authorization" ? `Bearer ${value}` : value },
    redact: (said) => withoutSecret(said, value),
    redactText: (said) => (value.length < minRedacted ? said : said.replaceAll(value, mark)),
  });
}

/** Null for what is nested so deeply that it has no text. */
function toText(said: unknown): string | null | undefined {
  try {
    return JSON.stringify(said);
  } catch {
    return null;
  }
}

function withoutSecret(said: unknown, secret: string): unknown {
  const text = toText(said);
  if (text === null) {
    return "[left out: nested too deeply]";
  }
  const escaped = JSON.stringify(secret).slice(1, -1);
  return text === undefined || secret.length < minRedacted || !text.includes(escaped)
    ? said
    : JSON.parse(text.replaceAll(escaped, mark));
}
