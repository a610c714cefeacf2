// The bound that the service is measured against: a Durable Object that makes a run's module calls with plain fetch,
// commits the same rows, and leaves one object in R2 and one row in D1. It reads no reply and checks nothing.

import { DurableObject } from "cloudflare:workers";
import { Plan, type Row } from "./plan.ts";

interface Env {
  readonly LOOP: DurableObjectNamespace<BareLoop>;
  readonly BUCKET: R2Bucket;
  readonly DB: D1Database;
}

const planKey = "plan.json";
/** Read once an isolate: bindings are the same for its whole life. */
const plans = new WeakMap<Env, Plan>();

async function planOf(env: Env): Promise<Plan> {
  const known = plans.get(env);
  if (known !== undefined) {
    return known;
  }
  const stored = await env.BUCKET.get(planKey);
  const plan = Plan.parse(await stored?.json());
  plans.set(env, plan);
  return plan;
}

export class BareLoop extends DurableObject<Env> {
  async run(id: string): Promise<void> {
    const plan = await planOf(this.env);
    const { sql } = this.ctx.storage;
    sql.exec("CREATE TABLE events (seq INTEGER PRIMARY KEY, body TEXT NOT NULL, detail TEXT)");
    for (const rows of plan.before) {
      this.#commit(rows);
    }
    for (const { headers, body, rows } of plan.calls) {
      const response = await fetch(plan.url, { method: "POST", headers, body });
      await response.text();
      if (!response.ok) {
        throw new Error(`the engine answered ${response.status}`);
      }
      this.#commit(rows);
    }
    this.ctx.waitUntil(this.#deliver(id, plan));
  }

  #commit(rows: readonly Row[]): void {
    this.ctx.storage.transactionSync(() => {
      for (const { body, detail } of rows) {
        this.ctx.storage.sql.exec("INSERT INTO events (body, detail) VALUES (?, ?)", body, detail);
      }
    });
  }

  async #deliver(id: string, { record, ledger }: Plan): Promise<void> {
    await this.env.BUCKET.put(`records/${id}.json`, record);
    await this.env.DB.prepare(ledger.insert)
      .bind(id, ...ledger.values)
      .run();
  }
}

export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname === "/prepare") {
      const plan = Plan.parse(await request.json());
      await env.BUCKET.put(planKey, JSON.stringify(plan));
      await env.DB.batch(plan.ledger.schema.map((statement) => env.DB.prepare(statement)));
      return Response.json({ status: "ready" });
    }
    const id = crypto.randomUUID();
    await env.LOOP.getByName(id).run(id);
    return Response.json({ status: "completed" });
  },
} satisfies ExportedHandler<Env>;
