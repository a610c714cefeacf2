// One conversation with an MCP server through the official client: connect in the server's own era, do one thing, let
// go. Connections are not kept, because a Worker's do not outlive its request; what was learnt about the server
// (its era, its transport) is, so that a call of a server of 2026 costs one request. Loaded when it is first needed.

import {
  Client,
  type PriorDiscovery,
  SdkHttpError,
  SSEClientTransport,
  StreamableHTTPClientTransport,
} from "@modelcontextprotocol/client";
import { openDeadline } from "../../lib/deadline.ts";
import type { GuardedFetch } from "../../lib/guarded-fetch/guarded-fetch.ts";
import { err, ok, type Result } from "../../lib/result.ts";
import { type Conversation, openConversation } from "../remote/capped-fetch.ts";
import { type McpFault, MessageRefused, toMcpFault } from "./mcp-fault.ts";

/** How to talk to a server that was met before. */
export interface Acquaintance {
  readonly transport: "http" | "sse";
  readonly prior: PriorDiscovery;
}

export interface Peer {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: GuardedFetch;
  /** Takes the secret out of a fault's words, which a server may have written. */
  readonly redactText: (said: string) => string;
  readonly known: Acquaintance | null;
}

export interface ConversationOptions {
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** A session of an old server is ended politely, but no result waits longer than this for it. */
const goodbyeMs = 1_000;
const maxDetailChars = 1_000;

/** `stop` ends with the caller, the time limit and the cap; what `work` asks of the client must listen to it. */
export async function converse<T>(
  peer: Peer,
  { timeoutMs, maxBytes, signal }: ConversationOptions,
  work: (client: Client, met: Acquaintance, stop: AbortSignal) => Promise<T>,
): Promise<Result<T, McpFault>> {
  const deadline = openDeadline(timeoutMs, signal);
  const conversation = openConversation(peer.fetch, { maxBytes, signal: deadline.signal });
  try {
    const { client, met, goodbye } = await connect(peer, conversation, timeoutMs);
    try {
      return ok(await work(client, met, conversation.signal));
    } finally {
      await goodbye();
    }
  } catch (error) {
    const { code, detail } = conversation.signal.aborted
      ? toMcpFault(conversation.signal.reason, deadline.signal)
      : toMcpFault(error);
    return err({ code, detail: peer.redactText(detail).slice(0, maxDetailChars).toWellFormed() });
  } finally {
    conversation.close();
    deadline.close();
  }
}

interface Connection {
  readonly client: Client;
  readonly met: Acquaintance;
  readonly goodbye: () => Promise<void>;
}

async function connect(peer: Peer, conversation: Conversation, timeoutMs: number): Promise<Connection> {
  if (peer.known?.transport === "sse") {
    return connectSse(peer, conversation, timeoutMs);
  }
  try {
    return await connectHttp(peer, conversation, timeoutMs);
  } catch (error) {
    // A server of 2024 knows no POST at its address; it opens a stream there.
    if (peer.known === null && SdkHttpError.isInstance(error) && [400, 404, 405].includes(error.status)) {
      return connectSse(peer, conversation, timeoutMs);
    }
    throw error;
  }
}

async function connectHttp(peer: Peer, conversation: Conversation, timeoutMs: number): Promise<Connection> {
  const client = createClient();
  const transport = new StreamableHTTPClientTransport(new URL(peer.url), {
    // The stream of an old server's own messages is declined: nobody here listens to them.
    fetch: async (url, init) =>
      init?.method === "GET" && !new Headers(init.headers).has("last-event-id")
        ? new Response(null, { status: 405 })
        : conversation.fetch(url, init),
    requestInit: { headers: { ...peer.headers } },
    // The guard follows redirects, and looks at each.
    redirectPolicy: "follow",
  });
  await client.connect(transport, {
    signal: conversation.signal,
    timeout: timeoutMs,
    ...(peer.known === null ? {} : { prior: peer.known.prior }),
  });
  const discover = client.getDiscoverResult();
  const prior: PriorDiscovery = discover === undefined ? { kind: "legacy" } : { kind: "modern", discover };
  return {
    client,
    met: { transport: "http", prior },
    goodbye: async () => {
      if (transport.sessionId !== undefined && !conversation.signal.aborted) {
        await withinGoodbye(transport.terminateSession());
      }
      await client.close();
    },
  };
}

async function connectSse(peer: Peer, conversation: Conversation, timeoutMs: number): Promise<Connection> {
  const client = createClient();
  const transport = new SSEClientTransport(new URL(peer.url), {
    fetch: async (url, init) => {
      const response = await conversation.fetch(url, init);
      if (init?.method === "POST" && !response.ok) {
        await response.body?.cancel();
        throw new MessageRefused(response.status);
      }
      return response;
    },
    requestInit: { headers: { ...peer.headers } },
    redirectPolicy: "follow",
  });
  const prior: PriorDiscovery = { kind: "legacy" };
  try {
    await client.connect(transport, { signal: conversation.signal, timeout: timeoutMs, prior });
  } catch (error) {
    // Where the stream does not open the client lets its event source try again, for ever.
    await transport.close();
    throw error;
  }
  return { client, met: { transport: "sse", prior }, goodbye: () => client.close() };
}

function createClient(): Client {
  return new Client({ name: "agentflow-edge", version: "0.1.0" }, { versionNegotiation: { mode: "auto" } });
}

/** Whether the server heard it is its own affair. */
async function withinGoodbye(work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, goodbyeMs);
  try {
    await Promise.race([work.catch(() => undefined), promise]);
  } finally {
    clearTimeout(timer);
  }
}
