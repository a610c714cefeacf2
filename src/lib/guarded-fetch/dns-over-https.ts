// Addresses of a name through DNS over HTTPS in its JSON form, since a Worker cannot ask a resolver otherwise. Both
// families are asked; a server that fails, lies about its shape or is slow gives no answer, and no answer is a no.

import * as z from "zod";
import { openDeadline } from "../deadline.ts";
import type { TtlCache } from "../ttl-cache.ts";
import type { Resolve } from "./check-address.ts";
import { readCapped } from "./read-capped.ts";

export interface DnsOptions {
  /** E.g. `https://cloudflare-dns.com/dns-query`. */
  readonly url: string;
  /** The real one: the operator chose this server. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Seconds at most: an answer is only worth anything while the connection's own lookup gives the same. */
  readonly cache: TtlCache<readonly string[]>;
}

const timeoutMs = 5_000;
const maxAnswerBytes = 65_536;

const recordTypes = { A: 1, AAAA: 28 } as const;
const noError = 0;
const noSuchName = 3;

/** RFC 8427 leaves the details to servers; Cloudflare's and Google's agree on these. */
const Answer = z.object({
  Status: z.int(),
  Answer: z.array(z.object({ type: z.int(), data: z.string() })).default([]),
});

export function createDnsResolver(options: DnsOptions): Resolve {
  return (name, signal) =>
    options.cache.get(name, async () => {
      const answers = await Promise.all([ask(options, name, "A", signal), ask(options, name, "AAAA", signal)]);
      return answers.flat();
    });
}

async function ask(
  { url, fetch }: DnsOptions,
  name: string,
  type: keyof typeof recordTypes,
  caller: AbortSignal | null,
): Promise<string[]> {
  const question = new URL(url);
  question.searchParams.set("name", name);
  question.searchParams.set("type", type);
  const deadline = openDeadline(timeoutMs, caller);
  try {
    const { signal } = deadline;
    const headers = { accept: "application/dns-json" };
    const response = await fetch(question.href, { headers, redirect: "manual", signal });
    const body = await readCapped(response, { maxBytes: maxAnswerBytes, signal });
    if (response.status !== 200 || !body.ok) {
      throw new Error(`the DNS server answered ${response.status}`);
    }
    return addresses(JSON.parse(new TextDecoder().decode(body.value.bytes)), type);
  } finally {
    deadline.close();
  }
}

function addresses(answered: unknown, type: keyof typeof recordTypes): string[] {
  const answer = Answer.parse(answered);
  if (answer.Status !== noError && answer.Status !== noSuchName) {
    throw new Error(`the DNS server answered with code ${answer.Status}`);
  }
  // The names of a CNAME chain come with the addresses at its end.
  return answer.Answer.flatMap((record) => (record.type === recordTypes[type] ? record.data : []));
}
