// Binds a route object to the router: who asks, validation of everything the caller sent, then the handler. The
// order matters: a caller without a key learns nothing about its body, and no body is read before its limit is paid.

import type { Context, Hono } from "hono";
import * as z from "zod";
import { authorize, type Principal } from "./access.ts";
import { readJsonBody, readOptionalJsonBody } from "./body.ts";
import { invalidField, invalidRequest, shortName } from "./problem.ts";
import type { AnyRoute, Route } from "./route.ts";
import type { Services } from "./services.ts";

/** What middleware leaves for handlers. */
export interface AppEnv {
  Variables: { requestId: string };
}

export type App = Hono<AppEnv>;

const emptyObject = z.strictObject({});

/** A validated request whose body the handler reads itself, and validates. */
export type OpenCall<P extends z.ZodType, Q extends z.ZodType> = Omit<Call<P, Q, z.ZodType>, "body">;

/** A validated request. */
export interface Call<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly services: Services;
  readonly principal: Principal;
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
  readonly request: Request;
}

export function validate<T extends z.ZodType>(schema: T, value: unknown, part: "field" | "parameter"): z.output<T> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (!parsed.success) {
    throw invalidRequest(parsed.error, part);
  }
  return parsed.data;
}

function readQuery(context: Context): Record<string, string> {
  return Object.fromEntries(
    Object.entries(context.req.queries()).map(([name, [value = "", ...others]]) => {
      if (others.length > 0) {
        throw invalidField("invalid_request", shortName(name), "repeated", "Send this parameter once.");
      }
      return [name, value];
    }),
  );
}

async function readBody<B extends z.ZodType>(route: AnyRoute & { readonly body: B }, request: Request) {
  if (!(route.body instanceof z.ZodUndefined)) {
    return validate(route.body, await readJsonBody(request), "field");
  }
  if (route.method === "post") {
    validate(emptyObject, await readOptionalJsonBody(request), "field");
  }
  return validate(route.body, undefined, "field");
}

export function mount<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  app: App,
  services: Services,
  route: Route<P, Q, B>,
  handle: (call: Call<P, Q, B>, requestId: string) => Promise<Response>,
): void {
  mountOpen(app, services, route, async (call, requestId) =>
    handle({ ...call, body: await readBody(route, call.request) }, requestId),
  );
}

/** For bodies that are too large to be read whole, or that come in several forms. */
export function mountOpen<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  app: App,
  services: Services,
  route: Route<P, Q, B>,
  handle: (call: OpenCall<P, Q>, requestId: string) => Promise<Response>,
): void {
  app.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ":$1"), async (context) => {
    const request = context.req.raw;
    const principal = await authorize(services, route, request, context.req.param("id"));
    const call = {
      services,
      principal,
      request,
      params: validate(route.params, context.req.param(), "parameter"),
      query: validate(route.query, readQuery(context), "parameter"),
    };
    return handle(call, context.get("requestId"));
  });
}
