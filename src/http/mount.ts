// Binds a route object to the router: who asks, validation of everything the caller sent, then the handler. The
// order matters: a caller without a key learns nothing about its body, and no body is read before its limit is paid.

import type { Context, Hono } from "hono";
import * as z from "zod";
import { authorize, type Principal } from "./access.ts";
import { readJsonBody } from "./body.ts";
import { invalidRequest } from "./problem.ts";
import type { Route } from "./route.ts";
import type { Services } from "./services.ts";

/** What middleware leaves for handlers. */
export interface AppEnv {
  Variables: { requestId: string };
}

export type App = Hono<AppEnv>;

/** A validated request. */
export interface Call<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly services: Services;
  readonly principal: Principal;
  readonly params: z.output<P>;
  readonly query: z.output<Q>;
  readonly body: z.output<B>;
  readonly request: Request;
}

function validate<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    throw invalidRequest(parsed.error);
  }
  return parsed.data;
}

/** A parameter given once is a string; given again it is an array, which no schema here takes. */
function readQuery(context: Context): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(context.req.queries()).map(([name, values]) => [
      name,
      values.length === 1 ? String(values[0]) : values,
    ]),
  );
}

export function mount<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  app: App,
  services: Services,
  route: Route<P, Q, B>,
  handle: (call: Call<P, Q, B>, requestId: string) => Promise<Response>,
): void {
  app.on(route.method, route.path.replaceAll(/\{(\w+)\}/g, ":$1"), async (context) => {
    const request = context.req.raw;
    const principal = await authorize(services, route, request, context.req.param("id"));
    const call = {
      services,
      principal,
      request,
      params: validate(route.params, context.req.param()),
      query: validate(route.query, readQuery(context)),
      body: validate(route.body, route.body instanceof z.ZodUndefined ? undefined : await readJsonBody(request)),
    };
    return handle(call, context.get("requestId"));
  });
}
