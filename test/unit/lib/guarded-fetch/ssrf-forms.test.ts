// The forms in which a URL hides an inner address. None may leave the guard: not a request to it, and not a question
// about it to a name server that its owner could be watching.

import { describe, expect, test } from "vitest";
import { literals, names, notHttp, otherPorts } from "../../../support/ssrf-forms.ts";
import { createWeb, outcome } from "./support.ts";

/** Fails the test that lets a name get as far as a name server. */
const askNobody = () => Promise.reject(new Error("a name server was asked"));

describe.each([
  ["address_refused", literals],
  ["address_refused", names],
  ["bad_url", notHttp],
  ["port_refused", otherPorts],
])("%s", (code, urls) => {
  test.each(urls)("%j", async (url) => {
    const web = createWeb({ resolve: askNobody });
    expect(await outcome(web, url)).toBe(code);
    expect(web.sent).toEqual([]);
  });
});

test("the table holds more than a hundred forms, each once", () => {
  const all = [...literals, ...names, ...notHttp, ...otherPorts];
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThan(100);
});

test.each([
  "http://1.1.1.1/",
  "https://[2606:4700:4700::1111]/dns-query",
  "http://134744072/",
  "https://example.com/",
  "https://EXAMPLE.com./",
  "https://bücher.example.com/",
  "https://8-8-8-8.example.com/",
  "https://localhost.example.com/",
])("%s is public and gets through", async (url) => {
  const web = createWeb();
  expect(await outcome(web, url)).toBe(200);
  expect(web.sent.map((one) => one.url)).toEqual([new URL(url).href]);
});
