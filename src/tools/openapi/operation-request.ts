// The request of an operation from its arguments. An argument cannot leave its place: path segments are encoded and
// may not climb, headers take one line, and the address stays below the base address that the operator gave.

import type { FetchRequest } from "../../lib/guarded-fetch/fetch-bytes.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { isRecord } from "../remote/inline-schema.ts";
import type { RemoteArguments } from "../remote/remote-schema.ts";
import type { Operation, OperationArgument } from "./read-operations.ts";

export function toRequest(baseUrl: string, operation: Operation, args: RemoteArguments): Result<FetchRequest, string> {
  const given = operation.arguments.flatMap((argument) => {
    const member = args[argument.key];
    return member === undefined || member === null ? [] : [{ argument, value: member }];
  });
  const at = (place: OperationArgument["place"]) => given.filter(({ argument }) => argument.place === place);
  let path = operation.path;
  for (const { argument, value: part } of at("path")) {
    const segment = asText(part);
    if (segment === "" || segment === "." || segment === "..") {
      return err(`${argument.key} cannot stand in a path`);
    }
    path = path.replaceAll(`{${argument.name}}`, () => encodeURIComponent(segment));
  }
  const base = new URL(baseUrl);
  const url = new URL(`${base.origin}${base.pathname.replace(/\/+$/, "")}${path.startsWith("/") ? "" : "/"}${path}`);
  // Keys of the gateway's own that the operator put into the base address.
  const pairs = at("query").flatMap(({ argument, value }) => toPairs(argument, value));
  for (const [name, text] of [...base.searchParams, ...pairs]) {
    url.searchParams.append(name, text);
  }
  const headers: Record<string, string> = { accept: "application/json, text/*;q=0.9" };
  for (const { argument, value } of at("header")) {
    const text = asText(value);
    if (!/^[\x20-\x7e]*$/.test(text)) {
      return err(`${argument.key} cannot stand in a header`);
    }
    headers[argument.name.toLowerCase()] = text;
  }
  const [body] = at("body");
  return ok({
    url: url.href,
    method: operation.method.toUpperCase(),
    headers,
    ...withBody(headers, operation, body?.value),
  });
}

function withBody(headers: Record<string, string>, { bodyType }: Operation, value: unknown) {
  if (value === undefined || bodyType === null) {
    return {};
  }
  if (bodyType === "json") {
    return { headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(value) };
  }
  const fields = isRecord(value) ? Object.entries(value) : [];
  const form = new URLSearchParams(fields.map(([name, field]): [string, string] => [name, asText(field)]));
  return { headers: { ...headers, "content-type": "application/x-www-form-urlencoded" }, body: form.toString() };
}

function toPairs({ name, style }: OperationArgument, value: unknown): [string, string][] {
  if (Array.isArray(value) && style === "repeat") {
    return value.map((item): [string, string] => [name, asText(item)]);
  }
  if (isRecord(value) && style === "deep") {
    return Object.entries(value).map(([key, member]): [string, string] => [`${name}[${key}]`, asText(member)]);
  }
  if (isRecord(value) && style === "repeat") {
    return Object.entries(value).map(([key, member]): [string, string] => [key, asText(member)]);
  }
  return [[name, asText(value)]];
}

/** Lists with commas, objects as JSON, everything else as it is written. */
function asText(value: unknown): string {
  if (typeof value === "string") {
    return value;
  }
  if (Array.isArray(value)) {
    return value.map(asText).join(",");
  }
  return JSON.stringify(value) ?? "";
}
