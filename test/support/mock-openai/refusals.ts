// How real servers word a refusal: of a parameter, and of a prompt that is too long. Taken from their issue
// trackers, so that the negotiation is tested against what it will meet.

import type { ContextWording, RefusalWording } from "./script.ts";
import { isRecord } from "./script.ts";

export interface HttpReply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

type Body = Readonly<Record<string, unknown>>;

/** The parameters of a body by the names under which they can be refused. */
export function parametersOf(body: Body): Set<string> {
  const names = Object.keys(body).filter((name) => name !== "stream" || body["stream"] === true);
  const format = body["response_format"];
  return new Set([...names, ...(isRecord(format) ? [String(format["type"])] : [])]);
}

export function refuseParameter(name: string, body: Body, wording: RefusalWording): HttpReply {
  return PARAMETER[wording](name === "json_schema" || name === "json_object" ? "response_format" : name, body);
}

export function refuseContext(wording: ContextWording): HttpReply {
  return CONTEXT[wording];
}

function invalid(message: string, param: string | null = null, code: string | number | null = null) {
  return { error: { message, type: "invalid_request_error", param, code } };
}

const PARAMETER: Readonly<Record<RefusalWording, (name: string, body: Body) => HttpReply>> = {
  openai: (name) => ({
    status: 400,
    body: invalid(
      name === "max_tokens"
        ? "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        : `Unrecognized request argument supplied: ${name}`,
      name,
      "unsupported_parameter",
    ),
  }),
  azure: (name) => ({ status: 400, body: invalid(`Unrecognized request argument supplied: ${name}`) }),
  vllm: (name, body) => ({
    status: 400,
    body: {
      object: "error",
      message: `[{'type': 'extra_forbidden', 'loc': ('body', '${name}'), 'msg': 'Extra inputs are not permitted', 'input': ${JSON.stringify(body)}}]`,
      type: "BadRequestError",
      param: null,
      code: 400,
    },
  }),
  fastapi: (name, body) => ({
    status: 422,
    body: {
      detail: [{ type: "extra_forbidden", loc: ["body", name], msg: "Extra inputs are not permitted", input: body }],
    },
  }),
  ollama: (name) => ({ status: 400, body: invalid(`json: unknown field "${name}"`) }),
  llamacpp: (name) => ({
    status: 400,
    body: { error: { code: 400, message: `Unsupported param: ${name}`, type: "invalid_request_error" } },
  }),
  silent: () => ({ status: 400, body: invalid("Bad request") }),
};

const CONTEXT: Readonly<Record<ContextWording, HttpReply>> = {
  openai: {
    status: 400,
    body: invalid(
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please reduce the length of the messages.",
      "messages",
      "context_length_exceeded",
    ),
  },
  vllm: {
    status: 400,
    body: invalid(
      "'max_tokens' or 'max_completion_tokens' is too large: 2048. This model's maximum context length is 4096 tokens and your request has 4000 input tokens (2048 > 4096 - 4000).",
      "max_tokens",
      400,
    ),
  },
  llamacpp: {
    status: 400,
    body: {
      error: {
        code: 400,
        message:
          "the request exceeds the available context size. try increasing the context size or enable context shift",
        type: "exceed_context_size_error",
        n_prompt_tokens: 14_429,
        n_ctx: 8192,
      },
    },
  },
  ollama: { status: 500, body: { error: { message: "input exceeds context length", type: "api_error", param: null } } },
  // With status 200, as its issue 2322 complains.
  lmstudio: {
    status: 200,
    body: {
      error:
        "Trying to keep the first 9001 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
    },
  },
  "workers-ai": {
    status: 400,
    body: {
      success: false,
      errors: [
        {
          code: 5021,
          message:
            "AiError: The estimated number of input and maximum output tokens (40960) exceeded this model context window limit (32768).",
        },
      ],
    },
  },
};
