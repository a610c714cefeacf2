// One tool, alone: the same checks and caps as in a run, without a run. What a tool answers is 200, also where it
// failed; a name that is no tool's and arguments that do not fit are the caller's errors.

import * as z from "zod";
import type { AloneOutcome } from "../../agent/call-alone.ts";
import { ErrorInfo } from "../../agent/events.ts";
import { type App, mount } from "../mount.ts";
import { HttpError, invalidRequest, shortName } from "../problem.ts";
import { defineRoute, json, noQuery } from "../route.ts";
import type { Services } from "../services.ts";

const CallToolRequest = z.strictObject({
  arguments: z.record(z.string(), z.unknown()).default({}).describe("As the tool's `parameters` say."),
});

const called = {
  /** A result beyond 64 KB is its beginning and end as text, and `cut`. */
  cut: z.boolean(),
  produced_by: z.string(),
  ms: z.int(),
};

export const CallToolReply = z.discriminatedUnion("ok", [
  z.strictObject({ ok: z.literal(true), result: z.unknown(), ...called }),
  /** `result` is what there was before the tool failed. */
  z.strictObject({ ok: z.literal(false), error: ErrorInfo, result: z.unknown().optional(), ...called }),
]);
export type CallToolReply = z.infer<typeof CallToolReply>;

export const callToolRoute = defineRoute({
  id: "callTool",
  tag: "Service",
  method: "post",
  path: "/v1/tools/{name}/call",
  summary: "Call one tool",
  description:
    "Outside any run, with a run's limits. A tool that fails is 200 with `ok: false` and a code; one that lacks its " +
    "configuration fails with `tool_not_configured`.",
  access: "tools",
  params: z.strictObject({ name: z.string().max(128).describe("The tool, as the catalogue names it.") }),
  query: noQuery,
  body: CallToolRequest,
  replies: { 200: json("What the tool answered.", CallToolReply) },
});

function toReply(outcome: Exclude<AloneOutcome, { kind: "invalid_arguments" }>): CallToolReply {
  const { result, cut, producedBy, ms } = outcome;
  const made = { cut, produced_by: producedBy, ms };
  return outcome.kind === "completed"
    ? { ok: true, result, ...made }
    : { ok: false, error: outcome.problem, ...(result === undefined ? {} : { result }), ...made };
}

/** A connected server that does not answer may have had the tool. */
async function unknownTool(services: Services, tenant: string, name: string): Promise<CallToolReply | HttpError> {
  const { sources } = await services.toolsFor(tenant);
  const down = sources.find((source) => source.state !== "ready" && name.startsWith(`${source.name}__`));
  if (down === undefined) {
    return new HttpError("not_found", `There is no tool ${shortName(name)}; \`GET /v1/tools\` lists them.`);
  }
  const code = down.state === "needs" ? "tool_not_configured" : "tool_unavailable";
  const error = { code, detail: `${down.name}: ${down.detail ?? down.state}` };
  return { ok: false, error, cut: false, produced_by: down.name, ms: 0 };
}

export function mountTools(app: App, services: Services): void {
  mount(app, services, callToolRoute, async ({ principal: { tenant }, params, body, request }) => {
    const outcome = await services.callTool(tenant, params.name, body.arguments, request.signal);
    if (outcome === null) {
      const reply = await unknownTool(services, tenant, params.name);
      if (reply instanceof HttpError) {
        throw reply;
      }
      return Response.json(reply);
    }
    if (outcome.kind === "invalid_arguments") {
      const issues = outcome.error.issues.map((issue) => ({ ...issue, path: ["arguments", ...issue.path] }));
      throw invalidRequest(new z.ZodError(issues), "field");
    }
    return Response.json(toReply(outcome));
  });
}
