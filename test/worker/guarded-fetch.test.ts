// The guard inside workerd, whose URL parser, headers and streams are not Node's: every form of an inner address, and
// the way of one request with its redirect and its body.

import { describe, expect, test } from "vitest";
import { fetchBytes } from "../../src/lib/guarded-fetch/fetch-bytes.ts";
import { readFetchRules } from "../../src/lib/guarded-fetch/fetch-rules.ts";
import { createGuardedFetch, tryFetch } from "../../src/lib/guarded-fetch/guarded-fetch.ts";
import { literals, names, notHttp, otherPorts } from "../support/ssrf-forms.ts";

function guardOver(answer: (url: string, init: RequestInit) => Response) {
  const sent: string[] = [];
  const guarded = createGuardedFetch({
    rules: readFetchRules({}),
    resolve: null,
    fetch: async (url, init) => {
      sent.push(url);
      return answer(url, init);
    },
  });
  return { guarded, sent };
}

describe.each([
  ["address_refused", literals],
  ["address_refused", names],
  ["bad_url", notHttp],
  ["port_refused", otherPorts],
])("%s in workerd", (code, urls) => {
  test.each(urls)("%j", async (url) => {
    const { guarded, sent } = guardOver(() => new Response("reached"));
    const reply = await tryFetch(guarded, url);
    expect(reply.ok ? "reached" : reply.error.code).toBe(code);
    expect(sent).toEqual([]);
  });
});

test.each([...literals, ...names])("a redirect to %j is refused", async (location) => {
  // A header holds no control or wide characters; what a server would send is their escaped form.
  const header = location.trim().replaceAll(/[^\x21-\x7e]/gu, encodeURIComponent);
  const { guarded, sent } = guardOver(() => new Response(null, { status: 302, headers: { location: header } }));
  const reply = await tryFetch(guarded, "https://example.com/");
  expect(reply.ok ? "reached" : reply.error.code).toBe("address_refused");
  expect(sent).toEqual(["https://example.com/"]);
});

test("a redirect leaves the keys behind and a body stops at its cap", async () => {
  const headers: Headers[] = [];
  const { guarded, sent } = guardOver((url, init) => {
    headers.push(new Headers(init.headers));
    return url === "https://example.com/"
      ? new Response("moved", { status: 307, headers: { location: "https://example.org/" } })
      : new Response("x".repeat(5000));
  });
  const request = { url: "https://example.com/", headers: { authorization: "Bearer k", accept: "text/plain" } };
  const signal = new AbortController().signal;
  const got = await fetchBytes(guarded, request, { maxBytes: 1000, timeoutMs: 60_000, signal, larger: "cut" });
  expect(got).toMatchObject({
    ok: true,
    value: { isTruncated: true, redirects: 1, finalUrl: "https://example.org/" },
  });
  expect(got.ok ? got.value.bytes.byteLength : 0).toBe(1000);
  expect(sent).toEqual(["https://example.com/", "https://example.org/"]);
  expect([...(headers[1] ?? [])]).toEqual([["accept", "text/plain"]]);
});
