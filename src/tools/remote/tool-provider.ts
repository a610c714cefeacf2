// All tools that a tenant's runs may use: those of this repository first, then those of the servers that the operator
// connected, then those of the tenant's own. Lists are kept for as long as each server allows; a server that does not answer offers nothing, is shown with its
// reason, and is asked again half a minute later, then less often. No name stands for two tools.

import { openDeadline } from "../../lib/deadline.ts";
import type { Result } from "../../lib/result.ts";
import { canonicalToolName, findTool } from "../tool-name.ts";
import type { Tool } from "../tool.ts";
import { absentTool } from "./absent-tool.ts";
import { badSource, type LoadedTools, type SkippedTool, type SourceFault, type ToolSource } from "./tool-source.ts";

/** A connected server as the catalogue shows it. */
export interface SourceState {
  readonly name: string;
  readonly kind: "mcp" | "openapi";
  readonly state: "ready" | "needs" | "unavailable";
  /** What the server calls itself; null where it did not answer. */
  readonly version: string | null;
  readonly detail: string | null;
  readonly tools: readonly string[];
  readonly skipped: readonly SkippedTool[];
  readonly checkedAt: number;
}

export interface ToolProvider {
  toolsFor(tenant: string): Promise<TenantTools>;
  /** Null where there is none. Servers are asked only for a name that is not this repository's. */
  toolNamed(tenant: string, name: string): Promise<Tool | null>;
  /**
   * The tools that a run was given, by name; `own` in place of those of this repository. One that is gone fails when it
   * is called, so that the run goes on.
   */
  toolsOfRun(tenant: string, names: readonly string[], own?: readonly Tool[]): Promise<readonly Tool[]>;
}

export interface TenantTools {
  readonly tools: readonly Tool[];
  readonly sources: readonly SourceState[];
}

export interface ProviderOptions {
  readonly builtIn: readonly Tool[];
  readonly sources: readonly ToolSource[];
  /** Servers that the tenant connected by itself; none unless set. `kept`: as they were a moment ago. */
  readonly tenantSources?: (tenant: string, age: "kept" | "fresh") => Promise<readonly ToolSource[]>;
  /** Puts something before the tools of servers; nothing unless set. */
  readonly screen?: (tool: Tool) => Tool;
  /** Injected time, milliseconds. */
  readonly now: () => number;
}

/** For all of a server's list, its pages included; a run's creation may wait for it. */
const loadTimeoutMs = 10_000;
/** A silent server costs whoever asks first its whole time limit, so one that stays down is asked less and less. */
const failedTtlMs = 30_000;
const maxFailedTtlMs = 300_000;
/** At most six requests may wait for headers in one invocation (platform limit). */
const loadWidth = 6;
/** Sources times tenants that one isolate remembers. */
const maxEntries = 512;

interface Entry {
  readonly tenant: string;
  readonly loaded: Result<LoadedTools, SourceFault>;
  readonly checkedAt: number;
  readonly expiresAt: number;
  /** In a row. */
  readonly failures: number;
}

/** Which of the tenant's own servers are looked at. */
type TenantSources = "none" | "kept" | "fresh";

function keyOf(source: ToolSource, tenant: string): string {
  return `${source.kind} ${tenant} ${source.identity}`;
}

const asItIs = (tool: Tool) => tool;
const noSources = () => Promise.resolve([]);

export function createToolProvider(options: ProviderOptions): ToolProvider {
  const { builtIn, sources, tenantSources = noSources, screen = asItIs, now } = options;
  const entries = new Map<string, Entry>();

  // Values are kept, never promises: a promise belongs to the request that made it.
  async function load(source: ToolSource, tenant: string): Promise<Entry> {
    const key = keyOf(source, tenant);
    const known = entries.get(key);
    if (known !== undefined && now() < known.expiresAt) {
      return known;
    }
    const deadline = openDeadline(loadTimeoutMs, null);
    try {
      const loaded = await source.load(tenant, deadline.signal);
      const checkedAt = now();
      const failures = loaded.ok ? 0 : (known?.failures ?? 0) + 1;
      const ttlMs = loaded.ok ? loaded.value.ttlMs : Math.min(failedTtlMs * 2 ** (failures - 1), maxFailedTtlMs);
      const entry = { tenant, loaded, checkedAt, expiresAt: checkedAt + ttlMs, failures };
      entries.delete(key);
      entries.set(key, entry);
      const oldest = entries.keys().next().value;
      if (entries.size > maxEntries && oldest !== undefined) {
        entries.delete(oldest);
      }
      return entry;
    } finally {
      deadline.close();
    }
  }

  /** What a server said under another configuration, or before it was removed. */
  function forgetOthers(tenant: string, own: readonly ToolSource[]): void {
    const current = new Set(own.map((source) => keyOf(source, tenant)));
    for (const [key, entry] of entries) {
      if (entry.tenant === tenant && !current.has(key)) {
        entries.delete(key);
      }
    }
  }

  async function toolsFor(tenant: string, theirs: TenantSources = "kept"): Promise<TenantTools> {
    const configured = sources.filter((source) => source.isFor(tenant));
    const own = namedOnce([...configured, ...(theirs === "none" ? [] : await tenantSources(tenant, theirs))]);
    if (theirs !== "none") {
      forgetOthers(tenant, own);
    }
    const loaded: { source: ToolSource; entry: Entry }[] = [];
    for (let start = 0; start < own.length; start += loadWidth) {
      const some = own.slice(start, start + loadWidth);
      loaded.push(...(await Promise.all(some.map(async (source) => ({ source, entry: await load(source, tenant) })))));
    }
    const { tools, sources: states } = gather(builtIn, loaded);
    return { tools: [...builtIn, ...tools.map(screen)], sources: states };
  }

  /** Those of `own` and beyond it, of each name; undefined where there is none. */
  async function findAll(tenant: string, names: readonly string[], own: readonly Tool[]) {
    const among = (more: readonly Tool[]) => names.map((name) => findTool(name, own) ?? findTool(name, more));
    let found = among([]);
    // The operator's servers come first, so that their tools need no ledger. What is missing then may be of a server
    // that the tenant connected a moment ago, in another isolate.
    for (const age of ["none", "kept", "fresh"] as const) {
      if (found.includes(null)) {
        found = among((await toolsFor(tenant, age)).tools);
      }
    }
    return found;
  }

  return {
    toolsFor: (tenant) => toolsFor(tenant),
    toolNamed: async (tenant, name) => (await findAll(tenant, [name], builtIn))[0] ?? null,
    async toolsOfRun(tenant, names, own = builtIn) {
      const found = await findAll(tenant, names, own);
      return names.map((name, index) => found[index] ?? absentTool(name));
    },
  };
}

/** The first server of a name has it: the operator's before the tenant's. */
function namedOnce(sources: readonly ToolSource[]): ToolSource[] {
  return sources.map((source, index) =>
    sources.findIndex(({ name }) => name === source.name) === index
      ? source
      : badSource(source.kind, source.name, "another server has this name"),
  );
}

/** The servers' tools. A name that another tool has is left out: the one that was there first keeps it. */
function gather(builtIn: readonly Tool[], loaded: readonly { source: ToolSource; entry: Entry }[]): TenantTools {
  const tools: Tool[] = [];
  const taken = new Set(builtIn.map((tool) => canonicalToolName(tool.name)));
  const states = loaded.map(({ source, entry }): SourceState => {
    const { name, kind } = source;
    const { checkedAt } = entry;
    if (!entry.loaded.ok) {
      const { state, code, detail } = entry.loaded.error;
      const words = state === "needs" ? detail : `${code}: ${detail}`;
      return { name, kind, state, version: null, detail: words, tools: [], skipped: [], checkedAt };
    }
    const { version, tools: given, skipped } = entry.loaded.value;
    const mine: string[] = [];
    const doubled: SkippedTool[] = [];
    for (const tool of given) {
      const canonical = canonicalToolName(tool.name);
      if (taken.has(canonical)) {
        doubled.push({ name: tool.name, reason: "another tool has this name" });
      } else {
        taken.add(canonical);
        tools.push(tool);
        mine.push(tool.name);
      }
    }
    return {
      name,
      kind,
      state: "ready",
      version,
      detail: null,
      tools: mine,
      skipped: [...skipped, ...doubled],
      checkedAt,
    };
  });
  return { tools, sources: states };
}
