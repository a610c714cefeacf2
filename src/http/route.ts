// A route is one object: method, path, schemas and scope. The router, the OpenAPI document, the client and the
// command line read the same one. Nothing here runs a request.

import * as z from "zod";
import type { Scope } from "../store/keys.ts";
import type { ProblemCode } from "./problem.ts";

/** `public`: no key. `key`: any valid key. Otherwise the scope that the key must have. */
export type Access = "public" | "key" | Scope;

export interface Reply {
  readonly description: string;
  /** By media type; absent = no body. */
  readonly content?: Readonly<Record<string, z.ZodType>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly id: string;
  readonly method: "get" | "post" | "put" | "delete";
  /** In OpenAPI's form: `/v1/runs/{id}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  /** `?ticket=` may take the place of a key. */
  readonly acceptsTicket?: true;
  readonly params: P;
  readonly query: Q;
  readonly headers?: z.ZodObject;
  /** `noBody` where there is none. */
  readonly body: B;
  /** The body may also be NDJSON, each line of this form. */
  readonly lines?: z.ZodType;
  readonly replies: Readonly<Record<number, Reply>>;
  /** Problems of this route alone. */
  readonly problems?: readonly ProblemCode[];
}

export type AnyRoute = Route<z.ZodType, z.ZodType, z.ZodType>;

export const noParams = z.strictObject({});
export const noQuery = z.strictObject({});
/** The mark of a route without a body; a POST may still send an empty one or `{}`. */
export const noBody = z.undefined();

export function defineRoute<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  route: Route<P, Q, B>,
): Route<P, Q, B> {
  return route;
}

export function json(description: string, schema: z.ZodType, headers?: Readonly<Record<string, string>>): Reply {
  return { description, content: { "application/json": schema }, ...(headers === undefined ? {} : { headers }) };
}
