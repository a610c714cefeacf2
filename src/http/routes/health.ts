// Is the process there (`/healthz`, for everybody, touches nothing), and can it work (`/readyz`, for holders of
// a key, asks each store with a time limit)?

import { type App, mount } from "../mount.ts";
import { defineRoute, json, noBody, noParams, noQuery } from "../route.ts";
import type { Services } from "../services.ts";
import { Health, Readiness } from "../wire.ts";

/** A store that takes longer is as good as down for whoever waits. */
const probeMs = 2000;

const common = { tag: "Service", method: "get", params: noParams, query: noQuery, body: noBody } as const;

export const healthRoute = defineRoute({
  ...common,
  id: "getHealth",
  path: "/healthz",
  summary: "The process answers",
  access: "public",
  replies: { 200: json("It does.", Health) },
});

export const readyRoute = defineRoute({
  ...common,
  id: "getReadiness",
  path: "/readyz",
  summary: "The stores answer",
  access: "key",
  replies: { 200: json("All do.", Readiness), 503: json("Some do not.", Readiness) },
});

async function probe(services: Services, check: () => Promise<void>): Promise<"ok" | "failed"> {
  const timer = new AbortController();
  try {
    const late = services.clock.sleep(probeMs, timer.signal).then(() => "failed" as const);
    return await Promise.race([check().then(() => "ok" as const), late]);
  } catch {
    return "failed";
  } finally {
    timer.abort();
  }
}

export function mountHealth(app: App, services: Services): void {
  mount(app, services, healthRoute, async () => Response.json({ status: "ok" }));

  mount(app, services, readyRoute, async () => {
    const names = Object.entries(services.probes);
    const results = await Promise.all(
      names.map(async ([name, check]) => [name, await probe(services, check)] as const),
    );
    const isReady = results.every(([, result]) => result === "ok");
    const reply = { status: isReady ? "ok" : "unavailable", checks: Object.fromEntries(results) };
    return Response.json(reply, { status: isReady ? 200 : 503 });
  });
}
