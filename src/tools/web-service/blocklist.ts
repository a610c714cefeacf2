// Hygiene for benchmarks: questions that must not be searched for and hosts that must not be read, because they leak
// the answers of a test. It looks at words, not at meaning: a question in other words passes.

import * as z from "zod";

type Variables = Readonly<Record<string, string | undefined>>;

/** What a run's log says about the list that was in force. */
export const BlocklistNote = z.strictObject({
  hosts: z.array(z.string()),
  /** How many; the questions themselves may be a test's secret. */
  queries: z.int(),
});
export type BlocklistNote = z.infer<typeof BlocklistNote>;

export interface Blocklist {
  readonly isBlockedUrl: (url: string) => boolean;
  /** A search for a blocked question, alone or among other words. */
  readonly isBlockedQuery: (query: string) => boolean;
  /** A text that quotes a blocked question: a copy of the test, perhaps with its answers. */
  readonly quotesBlockedQuery: (text: string) => boolean;
  /** Another one for another list. Not for logs: it holds the questions. */
  readonly fingerprint: string;
  /** Null where nothing is blocked. */
  readonly note: BlocklistNote | null;
}

/** Shorter entries would be found in innocent texts; as a search they count nevertheless. */
const minQuotedChars = 20;
/** A run's first event lists the hosts. */
const maxNotedHosts = 200;

/** BLOCKED_HOSTS: names with commas, subdomains included. BLOCKED_QUERIES: a JSON list of texts, or one text a line. */
export function readBlocklist(variables: Variables): Blocklist {
  const hosts = (variables["BLOCKED_HOSTS"] ?? "").split(",").flatMap((entry) => toHost(entry) || []);
  const queries = readQueries(variables["BLOCKED_QUERIES"]?.trim() ?? "").flatMap((entry) => normalize(entry) || []);
  const quoted = queries.filter((query) => query.length >= minQuotedChars);
  return {
    isBlockedUrl: (url) => {
      const host = URL.parse(url)?.hostname.replace(/\.$/, "");
      return host !== undefined && hosts.some((blocked) => host === blocked || host.endsWith(`.${blocked}`));
    },
    isBlockedQuery: (query) => containsAny(query, queries),
    quotesBlockedQuery: (text) => containsAny(text, quoted),
    fingerprint: JSON.stringify([hosts, queries]),
    note:
      hosts.length + queries.length === 0 ? null : { hosts: hosts.slice(0, maxNotedHosts), queries: queries.length },
  };
}

function containsAny(text: string, phrases: readonly string[]): boolean {
  const words = phrases.length === 0 ? "" : ` ${normalize(text)} `;
  return phrases.some((phrase) => words.includes(` ${phrase} `));
}

/** Letters and digits alone: case, accents, punctuation and spacing do not make another question. */
function normalize(text: string): string {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/\p{M}+/gu, "")
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

function toHost(entry: string): string {
  return entry
    .trim()
    .toLowerCase()
    .replace(/^(\*?\.)/, "")
    .replace(/\.$/, "");
}

const List = z.array(z.string());

/** Throws for a list that is none: a test that believes itself clean would not be. */
function readQueries(text: string): string[] {
  if (!text.startsWith("[")) {
    return text.split("\n");
  }
  try {
    return List.parse(JSON.parse(text));
  } catch {
    throw new Error("BLOCKED_QUERIES is not a JSON list of texts");
  }
}
