// Servers that an operator connects: MCP servers (MCP_SERVERS) and HTTP APIs with an OpenAPI document (OPENAPI_TOOLS),
// each variable a JSON list. An entry that is wrong does not stop the service: it is shown in the catalogue with what is
// wrong about it, and the others work.

import * as z from "zod";
import { harmlessHeaders } from "../../lib/guarded-fetch/redirect.ts";
import { err, ok, type Result } from "../../lib/result.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** Longer than any engine may take, and no run waits longer for one call. */
const maxTimeoutSeconds = 120;
export const defaultTimeoutSeconds = 60;
export const defaultHeader = "authorization";
export const maxRemoteTimeoutMs = maxTimeoutSeconds * 1000;

const HttpUrl = z.url({ protocol: /^https?$/ }).max(2000);

/** Headers that the request itself decides, and that carry no key. */
const ownHeaders = [
  "host",
  "accept",
  "connection",
  "content-length",
  "content-type",
  "transfer-encoding",
  "last-event-id",
];

/** A secret in a header that follows a redirect to another origin would be everybody's. */
export const staysAtOrigin = (header: string) => !harmlessHeaders.has(header);
export const staysAtOriginMessage = "Must be a header that no redirect takes to another host.";

/** What operators and tenants say of a server alike. */
export const serverFields = {
  /** Stands before the names of its tools. */
  name: z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, "Must be up to 32 of a-z, 0-9, _ and -, a letter first."),
  /** Where the secret goes: `authorization` gets it as a bearer token, any other header as it is. */
  header: z
    .string()
    .toLowerCase()
    .regex(/^[a-z0-9-]{1,64}$/, "Must be the name of a header.")
    .refine((name) => !ownHeaders.includes(name) && !name.startsWith("mcp-"), "Must be a header that carries keys."),
  /** The only ones of its tools that are offered; all unless set. */
  tools: z.array(z.string().min(1).max(256)).min(1).max(128),
  timeout_seconds: z.int().min(1).max(maxTimeoutSeconds),
  /** Instead of what the server says about itself. */
  repeat: z.enum(["safe", "keyed", "never"]),
};

const common = {
  name: serverFields.name,
  /** A variable: TOOL_SECRET_… is the deployment's, TENANT_SECRET_… is bound to tenant and host. */
  secret: z
    .string()
    .regex(/^(TOOL|TENANT)_SECRET_[A-Z0-9_]{1,100}$/, "Must be the name of a TOOL_SECRET_ or TENANT_SECRET_ variable.")
    .optional(),
  header: serverFields.header.refine(staysAtOrigin, staysAtOriginMessage).default(defaultHeader),
  tools: serverFields.tools.optional(),
  /** The only tenants that get them; all unless set. */
  tenants: z.array(z.string().min(1)).min(1).optional(),
  timeout_seconds: serverFields.timeout_seconds.default(defaultTimeoutSeconds),
  repeat: serverFields.repeat.optional(),
};

export const McpServer = z.strictObject({ ...common, url: HttpUrl });
export type McpServer = z.infer<typeof McpServer>;

export const OpenApiServer = z.strictObject({
  ...common,
  /** Where its OpenAPI document is. */
  document: HttpUrl,
  /** What paths are relative to. Not taken from the document: whoever writes that could send the secret elsewhere. */
  base_url: HttpUrl,
});
export type OpenApiServer = z.infer<typeof OpenApiServer>;

export type ToolServer = McpServer | OpenApiServer;

/** An entry that cannot be used. `name` is its own where it has one, otherwise its place. */
export interface BadServer {
  readonly name: string;
  readonly problem: string;
}

const Named = z.looseObject({ name: z.string() });

/** The entries of a variable, one result each; none where it is not set. */
export function readServers<T extends ToolServer>(
  variables: Variables,
  variable: "MCP_SERVERS" | "OPENAPI_TOOLS",
  schema: z.ZodType<T>,
): Result<T, BadServer>[] {
  const text = variables[variable]?.trim() ?? "";
  if (text === "") {
    return [];
  }
  const entries = z.array(z.unknown()).safeParse(toJson(text));
  if (!entries.success) {
    return [err({ name: variable, problem: `${variable} is not a JSON list` })];
  }
  return entries.data.map((entry, index) => {
    const parsed = schema.safeParse(entry);
    if (parsed.success) {
      return ok(parsed.data);
    }
    const place = `${variable}[${index}]`;
    const [issue] = parsed.error.issues;
    const named = Named.safeParse(entry);
    const field = [place, ...(issue?.path ?? [])].join(".");
    return err({ name: named.success ? named.data.name : place, problem: `${field}: ${issue?.message ?? "invalid"}` });
  });
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
