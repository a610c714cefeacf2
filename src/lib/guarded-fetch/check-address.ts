// May this URL be fetched? Scheme, port, lists, the form of the name, and every address that its name has now. What
// cannot be looked up is refused: a guard that fails open guards nothing.

import { err, ok, type Result } from "../result.ts";
import { isInnerName, isPublicAddress } from "./address-rules.ts";
import type { FetchFault, FetchFaultCode } from "./fetch-fault.ts";
import type { FetchRules } from "./fetch-rules.ts";

/** All addresses of a name, v4 and v6; none where it does not exist. Rejects where nobody can say. */
export type Resolve = (name: string, signal: AbortSignal | null) => Promise<readonly string[]>;

export interface AddressCheck {
  readonly rules: FetchRules;
  readonly resolve: Resolve | null;
  /** FETCH_ALLOW holds for the first hop alone: a redirect is the peer's choice, not the operator's. */
  readonly hop: "first" | "redirect";
  readonly signal: AbortSignal | null;
}

export async function checkAddress(text: string, check: AddressCheck): Promise<Result<URL, FetchFault>> {
  const url = checkUrl(text, check);
  if (!url.ok || isAllowed(url.value, check) || isLiteral(url.value.hostname)) {
    return url;
  }
  return check.resolve === null ? url : checkResolved(url.value, check.resolve, check.signal);
}

/** The part that needs no DNS, for a URL that is only stored for later. */
export function checkUrl(text: string, check: Pick<AddressCheck, "rules" | "hop">): Result<URL, FetchFault> {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return refuse("bad_url", "not an http or https URL");
  }
  if (url.username !== "" || url.password !== "") {
    return refuse("bad_url", "a URL must not carry credentials");
  }
  const host = hostname(url);
  if (isListed(host, check.rules.denyHosts)) {
    return refuse("address_refused", `${url.host} is on this deployment's deny-list`);
  }
  return isAllowed(url, check) ? ok(url) : checkHost(url, host, check.rules);
}

function checkHost(url: URL, host: string, rules: FetchRules): Result<URL, FetchFault> {
  if (rules.allowHosts.length > 0 && !isListed(host, rules.allowHosts)) {
    return refuse("address_refused", `${url.host} is not on this deployment's allow-list`);
  }
  const isInner = isLiteral(url.hostname) ? !isPublicAddress(host) : isInnerName(host);
  if (isInner) {
    return refuse("address_refused", `${url.host} is not a public address`);
  }
  return rules.ports.has(portOf(url)) ? ok(url) : refuse("port_refused", `port ${portOf(url)} is not open to URLs`);
}

async function checkResolved(url: URL, resolve: Resolve, signal: AbortSignal | null): Promise<Result<URL, FetchFault>> {
  const addresses = await tryResolve(resolve, hostname(url), signal);
  if (addresses === null) {
    return refuse("connection_failed", `the name ${url.hostname} could not be looked up`);
  }
  if (addresses.length === 0) {
    return refuse("connection_failed", `there is no host ${url.hostname}`);
  }
  // One public address among inner ones is how a name gets past a guard that looks at the first.
  return addresses.every(isPublicAddress)
    ? ok(url)
    : refuse("address_refused", `${url.host} has an address that is not public`);
}

async function tryResolve(resolve: Resolve, name: string, signal: AbortSignal | null) {
  try {
    return await resolve(name, signal);
  } catch {
    return null;
  }
}

function isAllowed(url: URL, { rules, hop }: Pick<AddressCheck, "rules" | "hop">): boolean {
  return hop === "first" && (rules.allow.has(url.host) || rules.allow.has(`${url.hostname}:${portOf(url)}`));
}

/** The URL parser has turned every spelling of an IPv4 address into four decimals by now. */
function isLiteral(name: string): boolean {
  return name.startsWith("[") || /^\d+(\.\d+){3}$/.test(name);
}

/** Without brackets and without the last dot, which means the same name to DNS. */
function hostname(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
}

function isListed(host: string, names: readonly string[]): boolean {
  return names.some((name) => host === name || host.endsWith(`.${name}`));
}

function portOf(url: URL): number {
  return url.port === "" ? (url.protocol === "http:" ? 80 : 443) : Number(url.port);
}

function refuse(code: FetchFaultCode, detail: string): Result<never, FetchFault> {
  return err({ code, detail });
}
