// A tenant's pool of Python interpreters, each in a dynamic worker of its own. The object holds leases in memory: an
// evicted pool starts anew, and interpreters that lost their run replay it. It stores one thing, which names of isolates
// it has given up, so that no later pool trusts them. It does not retry; a platform fault leaves the invocation.

import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import { createClock } from "../src/engines/clock.ts";
import type { Env } from "../src/env.ts";
import { err, ok, type Result } from "../src/lib/result.ts";
import { unreachable } from "../src/lib/unreachable.ts";
import { LeaseQueue, type Slot } from "../src/tools/python-coder/lease-queue.ts";
import { maxQueueMs, type SandboxFault } from "../src/tools/python-coder/python-sandbox.ts";
import { maxCpuMs, patienceMsOf } from "../src/tools/python-coder/job-bounds.ts";
import type { SandboxAnswer } from "../src/tools/python-coder/sandbox-answer.ts";
import { loadSandboxCode, readManifest } from "../src/tools/python-coder/sandbox-code.ts";
import type { SandboxManifest } from "../src/tools/python-coder/sandbox-manifest.ts";
import type { SandboxJob } from "../src/tools/python-coder/sandbox/job.ts";
import { type Lease, WaitingRoom } from "../src/tools/python-coder/waiting-room.ts";
import { askIsolate } from "./ask-isolate.ts";

const defaultPoolSize = 4;
/** An object may have ten dynamic workers in flight. */
const maxPoolSize = 10;

export type SandboxReply = Result<SandboxAnswer, SandboxFault>;

export type QueueListener = (now: "waits" | "served") => void | Promise<void>;

/** A caller may be gone by now; the job goes its way all the same. */
async function tell(onQueue: QueueListener, now: "waits" | "served"): Promise<void> {
  try {
    await onQueue(now);
  } catch {
    // It does not listen any more.
  }
}

/** Where it is stored how often each slot's isolate was given up. */
const generationsKey = "generations";
const Generations = z.array(z.int().min(0));

function poolSizeOf(text: string | undefined): number {
  const size = Number(text);
  return Number.isInteger(size) && size >= 1 ? Math.min(size, maxPoolSize) : defaultPoolSize;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export class SandboxPool extends DurableObject<Env> {
  // A fresh nonce would do for the names too, but a local workerd never lets go of a named isolate: each pool that was
  // evicted would leave its own behind, 60 MB apiece.
  readonly #leases = new LeaseQueue(
    poolSizeOf(this.env.SANDBOX_POOL),
    Generations.catch([]).parse(this.ctx.storage.kv.get(generationsKey)),
  );
  readonly #room = new WaitingRoom(
    this.#leases,
    createClock(() => Date.now()),
  );
  #manifest: SandboxManifest | null = null;
  /** Cancels the job of a ticket in its isolate. */
  readonly #running = new Map<string, () => Promise<void>>();
  /** Tickets of calls without an answer yet; those whose caller left start nothing any more. */
  readonly #calls = new Map<string, "wanted" | "withdrawn">();

  /** `onQueue` is told of a call that has to wait, and when its wait is over. */
  async run(job: SandboxJob, onQueue: QueueListener): Promise<SandboxReply> {
    this.#calls.set(job.ticket, "wanted");
    try {
      return await this.#lend(job, onQueue);
    } finally {
      this.#calls.delete(job.ticket);
    }
  }

  async #lend(job: SandboxJob, onQueue: QueueListener): Promise<SandboxReply> {
    const lease = await this.#enter(job, onQueue);
    if (lease === "withdrawn") {
      return err({ code: "aborted", detail: "the call was withdrawn while it waited for an interpreter" });
    }
    if (lease === "busy") {
      return err({ code: "sandbox_busy", detail: `no interpreter came free within ${maxQueueMs / 1000} s` });
    }
    let slot = lease;
    let fate: "keep" | "abandon" = "abandon";
    try {
      let reply = await this.#runOn(slot, job);
      if (reply === "no_interpreter") {
        // An earlier run may have spoilt the isolate; nothing of this one has run yet.
        slot = this.#leases.renew(slot);
        this.#noteGivenUp();
        reply = await this.#runOn(slot, job);
      }
      if (reply === "no_interpreter") {
        return err({ code: "sandbox_unavailable", detail: "a fresh isolate cannot start the interpreter" });
      }
      // An isolate that gave no proper answer, or none in time, may still be at work: its name is not used again.
      fate = reply.ok || reply.error.code === "aborted" ? "keep" : "abandon";
      return reply;
    } finally {
      this.#release(slot, fate);
    }
  }

  /** For a caller that no longer wants its answer: its job leaves the queue, or is ended. */
  async withdraw(ticket: string): Promise<void> {
    if (this.#calls.has(ticket)) {
      this.#calls.set(ticket, "withdrawn");
    }
    this.#room.withdraw(ticket);
    await this.#running.get(ticket)?.();
  }

  async #enter({ ticket, runId }: SandboxJob, onQueue: QueueListener): Promise<Lease> {
    const lease = this.#room.enter(ticket, runId);
    if (lease instanceof Promise) {
      void tell(onQueue, "waits");
      const served = await lease;
      void tell(onQueue, "served");
      return served;
    }
    return lease;
  }

  #release(slot: Slot, fate: "keep" | "abandon"): void {
    this.#room.release(slot, fate);
    if (fate === "abandon") {
      this.#noteGivenUp();
    }
  }

  #noteGivenUp(): void {
    this.ctx.storage.kv.put(generationsKey, this.#leases.generations);
  }

  async #runOn(slot: Slot, job: SandboxJob): Promise<SandboxReply | "no_interpreter"> {
    const fetchFile = (file: string) => this.env.ASSETS.fetch(`http://assets/sandbox/${file}`);
    let manifest: SandboxManifest;
    try {
      manifest = this.#manifest ??= await readManifest(fetchFile);
    } catch (error) {
      return err({ code: "sandbox_unavailable", detail: messageOf(error) });
    }
    if (this.#calls.get(job.ticket) === "withdrawn") {
      return err({ code: "aborted", detail: "the call was withdrawn before its program began" });
    }
    const load: { fault: string | null } = { fault: null };
    const tenant = this.ctx.id.name ?? this.ctx.id.toString();
    // The build is in the name, so that code of an earlier one does not answer under it.
    const build = [manifest.stamp, ...manifest.packs.map((pack) => pack.file.sha256.slice(0, 8))].join(".");
    const name = `py-${build}-${tenant}-${slot.index}-${slot.generation}`;
    const isolate = this.env.LOADER.get(name, async () => {
      try {
        return { ...(await loadSandboxCode(manifest, fetchFile)), limits: { cpuMs: maxCpuMs } };
      } catch (error) {
        load.fault = messageOf(error);
        throw error;
      }
    });
    const entrypoint = isolate.getEntrypoint();
    this.#running.set(job.ticket, async () => {
      await entrypoint.fetch("http://sandbox/", { method: "DELETE", body: job.ticket });
    });
    const patienceMs = patienceMsOf(job);
    const reply = await askIsolate(entrypoint, job, patienceMs);
    this.#running.delete(job.ticket);
    if (load.fault !== null) {
      return err({ code: "sandbox_unavailable", detail: load.fault });
    }
    switch (reply.kind) {
      case "answer":
        return reply.answer.end === "cancelled"
          ? err({ code: "aborted", detail: "the program was cancelled" })
          : ok(reply.answer);
      case "no_interpreter":
        console.error("sandbox_boot_failed", name, reply.detail);
        return "no_interpreter";
      case "crashed":
        return err({ code: "sandbox_crashed", detail: reply.detail });
      case "late":
        // It did not crash: its own limits were to end it before, so that the machine is too slow.
        return err({ code: "sandbox_overloaded", detail: `no answer within ${patienceMs / 1000} s` });
      default:
        return unreachable(reply);
    }
  }
}
