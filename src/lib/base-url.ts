// A server's address as configuration and tenants write it. What does not belong into one is refused: credentials and
// queries hold keys, and an address is shown, logged and compared.

import { err, ok, type Result } from "./result.ts";

/** An http(s) URL without credentials, query or fragment; its trailing slashes are dropped. */
export function normaliseBaseUrl(text: string): Result<string, string> {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    return err("is not an http or https URL");
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return err("must not carry credentials, a query or a fragment");
  }
  return ok(url.href.replace(/\/+$/u, ""));
}
