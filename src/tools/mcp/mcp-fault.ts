// What the official client throws, as a code and words. Text that a server wrote is passed on, because it says
// what was wrong with a call; nothing else of an unknown error is.

import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError, SseError } from "@modelcontextprotocol/client";
import { faultOf, stopFault } from "../../lib/guarded-fetch/fetch-fault.ts";

export interface McpFault {
  readonly code: string;
  readonly detail: string;
}

/** A message that a server of 2024 did not take. The client's own error has the status in its words alone. */
export class MessageRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the message was answered with status ${status}`);
    this.name = "MessageRefused";
    this.status = status;
  }
}

/** JSON-RPC 2.0, section 5.1. */
const invalidParams = -32_602;

/** `stopped`: the signal that ended the conversation, where one did. */
export function toMcpFault(error: unknown, stopped: AbortSignal | null = null): McpFault {
  const fetched = faultOf(error);
  if (fetched !== null) {
    return fetched;
  }
  if (stopped?.aborted === true) {
    return stopFault(stopped);
  }
  // The client's own errors wrap what the transport said.
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    const fault = toKnownFault(inner);
    if (fault !== null) {
      return fault;
    }
  }
  return { code: "bad_reply", detail: "the server did not answer as MCP asks" };
}

function toKnownFault(error: Error): McpFault | null {
  if (SdkHttpError.isInstance(error) || error instanceof MessageRefused) {
    return { code: codeOfStatus(error.status), detail: `the server answered with status ${error.status}` };
  }
  if (SseError.isInstance(error) && error.code !== undefined) {
    return { code: codeOfStatus(error.code), detail: `the server answered with status ${error.code}` };
  }
  if (ProtocolError.isInstance(error)) {
    const code = error.code === invalidParams ? "invalid_arguments" : "tool_error";
    return { code, detail: error.message };
  }
  if (SdkError.isInstance(error) && error.code === SdkErrorCode.RequestTimeout) {
    return { code: "timeout", detail: "the server did not answer in time" };
  }
  return null;
}

function codeOfStatus(status: number): string {
  if (status === 401 || status === 403) {
    return "access_denied";
  }
  if (status === 404 || status === 410) {
    return "not_found";
  }
  if (status === 429) {
    return "rate_limited";
  }
  return status >= 500 ? "server_error" : "refused";
}
