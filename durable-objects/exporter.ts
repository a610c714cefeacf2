// An export: claim, files, validation, manifest. A thin shell: one RPC method and an alarm that call plain functions.
// Whatever crashes after the claim, the same bytes come out; when the export has ended the object is empty again.

import { DurableObject } from "cloudflare:workers";
import type { Env } from "../src/env.ts";
import { StoreFault } from "../src/store/store-fault.ts";
import { createExportDeps } from "./create-export-deps.ts";
import type { ExporterApi } from "./export-api.ts";
import type { ExportDeps } from "./export-deps.ts";
import { failExport, runSlice, WebhookRefused } from "./export-slices.ts";
import { ExportProgress, type ExportState } from "./export-store.ts";
import { leaseMsOf } from "./lease.ts";
import { warn } from "./warn.ts";

/** Slices that are short share an invocation; its limits on CPU and requests leave room for one that is long. */
const invocationMs = 10_000;
/** Doubling from one second; five minutes keep a long fault from costing much. */
const baseWaitMs = 1000;
const maxWaitMs = 300_000;
/** Tries of one slice: a day of a store's fault, an hour of a receiver's, and few of a defect, which will not pass. */
const maxTries = { store: 300, webhook: 20, defect: 5 } as const;

export class Exporter extends DurableObject<Env> implements ExporterApi {
  readonly #deps: ExportDeps;
  readonly #progress: ExportProgress;
  /** Slices never overlap: an alarm and the alarm that follows a lost one might. */
  #running: Promise<void> | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#progress = new ExportProgress(ctx.storage);
    this.#deps = createExportDeps(env, this.#progress);
  }

  async wake(tenant: string, exportId: string): Promise<void> {
    await this.#forgetEnd();
    if (this.#progress.state() === null) {
      const row = await this.#deps.exports.find(tenant, exportId);
      if (row === null || row.ended_at !== null) {
        return;
      }
      // Another call may have begun meanwhile.
      if (this.#progress.state() === null) {
        this.#progress.begin(tenant, exportId);
      }
    }
    // While nothing runs here the alarm that stands is a dead incarnation's lease, or was lost by the platform.
    if (this.#running === null) {
      const now = this.#deps.clock.now();
      await this.ctx.storage.setAlarm(Math.max(now, this.#progress.state()?.next_at ?? now));
    }
  }

  /** An export that failed may be taken up again before its object is empty: then it begins anew here. */
  async #forgetEnd(): Promise<void> {
    if (this.#progress.state()?.stage !== "done") {
      return;
    }
    await this.#running;
    if (this.#progress.state()?.stage === "done") {
      await this.ctx.storage.deleteAll();
    }
  }

  /** Sets the next alarm before anything else. It throws nothing but what the platform itself throws. */
  override async alarm(): Promise<void> {
    const state = this.#progress.state();
    if (state === null) {
      return;
    }
    // An invocation that dies is followed by another after the lease, since the alarm that rang is gone.
    await this.#lease();
    if (this.#running === null) {
      this.#running = this.#run().finally(() => {
        this.#running = null;
      });
    }
    await this.#running;
  }

  async #lease(): Promise<void> {
    await this.ctx.storage.setAlarm(this.#deps.clock.now() + leaseMsOf(this.env));
  }

  async #run(): Promise<void> {
    const startedAt = this.#deps.clock.now();
    for (;;) {
      const state = this.#progress.state();
      if (state === null) {
        return;
      }
      if (state.stage === "done") {
        if (await this.#isRetried(state)) {
          await this.ctx.storage.deleteAll();
          this.#progress.begin(state.tenant, state.export_id);
          // The lease went with the rest.
          await this.#lease();
          continue;
        }
        // With the alarm: an export that has ended leaves nothing here.
        await this.ctx.storage.deleteAll();
        return;
      }
      const now = this.#deps.clock.now();
      if (state.next_at > now || now - startedAt > invocationMs) {
        await this.ctx.storage.setAlarm(Math.max(now, state.next_at));
        return;
      }
      await this.#slice(state);
    }
  }

  /** Taken up again between its end in D1 and its end here, when `wake` found it running and set no alarm. */
  async #isRetried({ tenant, export_id }: ExportState): Promise<boolean> {
    const row = await this.#deps.exports.find(tenant, export_id).catch(() => null);
    return row !== null && row.ended_at === null;
  }

  async #slice(state: ExportState): Promise<void> {
    try {
      const row = await this.#deps.exports.find(state.tenant, state.export_id);
      if (row === null) {
        throw new Error(`the row of ${state.export_id} is not there`);
      }
      if (row.status === "failed" || row.status === "empty") {
        // It died after it had said so.
        this.#progress.advance(state, { stage: "done" });
        return;
      }
      await runSlice(this.#deps, state, row);
    } catch (error) {
      await this.#postpone(state, error);
    }
  }

  /** A write that the platform refuses here, because the object is being reset, leaves the invocation. */
  async #postpone(state: ExportState, error: unknown): Promise<void> {
    const attempts = state.attempts + 1;
    const waitMs = Math.min(maxWaitMs, baseWaitMs * 2 ** state.attempts) * (0.5 + Math.random() / 2);
    warn(`export ${state.export_id}, ${state.stage}: try ${attempts} failed`, error);
    if (attempts >= triesOf(error) && (await this.#giveUp(state, error))) {
      return;
    }
    const next_at = this.#deps.clock.now() + Math.round(waitMs);
    // Giving up may have got halfway.
    this.#progress.advance(this.#progress.state() ?? state, { attempts, next_at });
  }

  /** False where even this cannot be written down now. */
  async #giveUp(state: ExportState, error: unknown): Promise<boolean> {
    try {
      if (error instanceof WebhookRefused) {
        // The dataset is there; nobody was told.
        this.#progress.advance(state, { stage: "done" });
      } else {
        const code = error instanceof StoreFault ? error.code : "internal";
        await failExport(this.#deps, state, code, `It was given up in the stage ${state.stage}; the log says why.`);
      }
      return true;
    } catch (again) {
      warn(`export ${state.export_id} cannot be ended`, again);
      return false;
    }
  }
}

function triesOf(error: unknown): number {
  if (error instanceof StoreFault) {
    return maxTries.store;
  }
  return error instanceof WebhookRefused ? maxTries.webhook : maxTries.defect;
}
