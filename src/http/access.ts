// Who is asking, and may they. A key gives a tenant and scopes; a ticket gives a tenant for one run's events;
// without keys (ALLOW_ANONYMOUS) everybody is the tenant `local`, and the loopback guard stands before this.

import { equalInConstantTime, parseApiKey } from "../lib/api-key.ts";
import { sha256Hex } from "../lib/sha256.ts";
import type { ApiKey } from "../store/keys.ts";
import { HttpError } from "./problem.ts";
import type { AnyRoute } from "./route.ts";
import type { Services } from "./services.ts";
import { checkTicket } from "./tickets.ts";

export interface Principal {
  readonly tenant: string;
  /** Whether the caller's key carries a scope; asked again by handlers whose options need more. */
  has(scope: string): boolean;
}

const challenge = { "www-authenticate": 'Bearer realm="agentflow"' };

function presentedKey(headers: Headers): string {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization")?.trim() ?? "")?.[1];
  const key = bearer ?? headers.get("x-api-key");
  if (key === null) {
    throw new HttpError("missing_key", "Send `Authorization: Bearer <key>`.", { headers: challenge });
  }
  return key;
}

/**
 * What answers wrong credentials: 401, or 429 to an address that sends too many. Right ones are never refused for the
 * wrong ones of a neighbour.
 */
async function refusal(services: Services, headers: Headers, error: HttpError): Promise<HttpError> {
  const address = headers.get("cf-connecting-ip") ?? "an unknown address";
  return (await services.allowRequest(`wrong keys from ${address}`)) ? error : rateLimited("Too many wrong keys.");
}

async function findKey(services: Services, headers: Headers): Promise<ApiKey> {
  const parts = parseApiKey(presentedKey(headers));
  const key = parts === null ? null : await services.keys.find(parts.id);
  const isRight =
    parts !== null && key !== null && equalInConstantTime(await sha256Hex(parts.secret), key.secret_sha256);
  if (key === null || !isRight || key.revoked_at !== null) {
    const error = new HttpError("invalid_key", "This key is unknown or was revoked.", { headers: challenge });
    throw await refusal(services, headers, error);
  }
  return key;
}

async function limitRate(services: Services, rateKey: string): Promise<void> {
  if (!(await services.allowRequest(rateKey))) {
    throw rateLimited("This key has used up its requests for now.");
  }
}

/** The binding counts by the minute and does not say when the next one begins. */
function rateLimited(detail: string): HttpError {
  return new HttpError("rate_limited", detail, { headers: { "retry-after": "30" } });
}

/** For public routes: nobody in particular, who may do nothing else. */
const nobody: Principal = { tenant: "", has: () => false };

/** Who calls this route. Throws 401, 403 or 429. `runId` is the run whose events a ticket must be for. */
export async function authorize(
  services: Services,
  route: AnyRoute,
  request: Request,
  runId: string | undefined,
): Promise<Principal> {
  if (route.access === "public") {
    return nobody;
  }
  const ticket = route.acceptsTicket === true ? new URL(request.url).searchParams.get("ticket") : null;
  if (ticket !== null) {
    // Without keys too, so that a page that uses tickets wrongly fails on its author's machine already.
    return authorizeTicket(services, request.headers, ticket, runId ?? "");
  }
  return services.config.allowAnonymous
    ? { tenant: "local", has: () => true }
    : authorizeKey(services, route, request.headers);
}

async function authorizeTicket(
  services: Services,
  headers: Headers,
  ticket: string,
  runId: string,
): Promise<Principal> {
  const tenant = await checkTicket(await services.ticketSecret(), ticket, runId, services.clock.now());
  if (tenant === null) {
    const detail = "This ticket has expired or belongs to another run.";
    const error = new HttpError("invalid_ticket", detail, { headers: challenge });
    throw services.config.allowAnonymous ? error : await refusal(services, headers, error);
  }
  if (!services.config.allowAnonymous) {
    await limitRate(services, `tickets of ${tenant}`);
  }
  return { tenant, has: () => false };
}

async function authorizeKey(services: Services, route: AnyRoute, headers: Headers): Promise<Principal> {
  const key = await findKey(services, headers);
  await limitRate(services, key.key_id);
  const principal = { tenant: key.tenant, has: (scope: string) => key.scopes.has(scope) };
  if (route.access !== "key" && route.access !== "public") {
    requireScope(principal, route.access);
  }
  return principal;
}

export function requireScope(principal: Principal, scope: string): void {
  if (!principal.has(scope)) {
    throw new HttpError("missing_scope", `This needs a key with the scope \`${scope}\`.`);
  }
}
