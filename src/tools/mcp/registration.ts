// An MCP server that a tenant connects by itself: its address, which passes the guard, and the name of a secret, which
// the operator has bound to the tenant and the server's host. Never the secret.

import * as z from "zod";
import { SecretName } from "../../lib/tenant-secrets.ts";
import {
  defaultHeader,
  defaultTimeoutSeconds,
  type McpServer,
  serverFields,
  staysAtOrigin,
  staysAtOriginMessage,
} from "../remote/tool-server.ts";

export const McpServerName = serverFields.name;

/** As stored, perhaps by a version that refused less. */
const StoredRegistration = z
  .strictObject({
    url: z.string().min(1).max(2000).describe("Of the server's MCP endpoint; public, without a query."),
    secret: SecretName.optional().describe("The operator's variable that holds the key, bound to you and the host."),
    header: serverFields.header
      .optional()
      .describe("Where the secret goes: `authorization`, the default, gets `Bearer …`, any other the secret itself."),
    allowed_tools: serverFields.tools.optional().describe("The only ones that are offered; all unless set."),
    timeout_seconds: serverFields.timeout_seconds.default(defaultTimeoutSeconds).describe("Of a call."),
    repeat: serverFields.repeat.optional().describe("What a crash may do to a call, instead of what the server says."),
  })
  .refine(({ header, secret }) => header === undefined || secret !== undefined, {
    path: ["header"],
    message: "Carries nothing without a `secret`.",
  });

/** As sent. */
export const McpRegistration = StoredRegistration.refine(
  ({ header }) => header === undefined || staysAtOrigin(header),
  {
    path: ["header"],
    message: staysAtOriginMessage,
  },
);
export type McpRegistration = z.infer<typeof McpRegistration>;

export const RegisteredMcpServer = z.strictObject({
  name: z.string(),
  registration: StoredRegistration,
  created_at: z.string(),
  /** Of the last change. */
  updated_at: z.string(),
});
export type RegisteredMcpServer = z.infer<typeof RegisteredMcpServer>;

/** As the operator would have configured it. */
export function toMcpServer({ name, registration }: Pick<RegisteredMcpServer, "name" | "registration">): McpServer {
  const { allowed_tools: tools, header = defaultHeader, ...rest } = registration;
  return { name, header, ...rest, ...(tools === undefined ? {} : { tools }) };
}
