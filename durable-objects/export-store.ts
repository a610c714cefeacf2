// How far an export is, in its object's SQLite. Each method is one transaction; what is written here is true
// whenever the object comes back, and what is not is done again.

import * as z from "zod";
import { DatasetFile } from "../src/training/dataset/manifest.ts";
import { SetStats } from "../src/training/dataset/set-stats.ts";
import { isInitialised, migrate } from "./export-schema.ts";

/** What comes next. `claim` finds or makes the claim; the rest reads nothing but the frozen claim. */
export const Stage = z.enum(["claim", "files", "validate", "manifest", "publish", "webhook", "done"]);
export type Stage = z.infer<typeof Stage>;

export const ExportState = z.strictObject({
  tenant: z.string(),
  export_id: z.string(),
  stage: Stage,
  /** Whose rollouts; empty until the claim stands. */
  claim_id: z.string(),
  dataset_id: z.string(),
  claim_sha256: z.string(),
  /** How often files were built anew because the validator refused groups. */
  rebuilds: z.int(),
  /** Failed tries of the slice that is next. */
  attempts: z.int(),
  /** Milliseconds since the epoch; the slice may be tried from then on. */
  next_at: z.number(),
});
export type ExportState = z.infer<typeof ExportState>;

/** A closed set of three files. */
export const ClosedSet = z.object({
  ordinal: z.int(),
  last_group_id: z.string(),
  files: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.array(DatasetFile)),
  stats: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(SetStats),
  validated: z.int().transform((value) => value === 1),
});
export type ClosedSet = z.infer<typeof ClosedSet>;

const UploadRow = z.object({ upload_id: z.string(), path: z.string() });
const QuarantineRow = z.object({ group_id: z.string(), reason: z.string() });

export class ExportProgress {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  get #sql(): SqlStorage {
    return this.#storage.sql;
  }

  /** Null before `begin`, and again after the end. */
  state(): ExportState | null {
    if (!isInitialised(this.#sql)) {
      return null;
    }
    const text = this.#sql.exec("SELECT value FROM meta WHERE key = 'state'").toArray()[0]?.["value"];
    return typeof text === "string" ? ExportState.parse(JSON.parse(text)) : null;
  }

  begin(tenant: string, exportId: string): ExportState {
    const names = { tenant, export_id: exportId, claim_id: "", dataset_id: "", claim_sha256: "" };
    const state: ExportState = { ...names, stage: "claim", rebuilds: 0, attempts: 0, next_at: 0 };
    this.#storage.transactionSync(() => {
      migrate(this.#sql);
      this.#write(state);
    });
    return state;
  }

  /** What succeeds clears the failed tries before it. */
  advance(state: ExportState, change: Partial<ExportState>): void {
    this.#write({ ...state, attempts: 0, next_at: 0, ...change });
  }

  sets(): ClosedSet[] {
    return this.#sql
      .exec("SELECT * FROM sets ORDER BY ordinal")
      .toArray()
      .map((row) => ClosedSet.parse(row));
  }

  closeSet(set: Omit<ClosedSet, "validated">): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec(
        "INSERT INTO sets (ordinal, last_group_id, files, stats) VALUES (?, ?, ?, ?)",
        set.ordinal,
        set.last_group_id,
        JSON.stringify(set.files),
        JSON.stringify(set.stats),
      );
      this.#sql.exec("DELETE FROM uploads");
    });
  }

  markValidated(ordinal: number): void {
    this.#sql.exec("UPDATE sets SET validated = 1 WHERE ordinal = ?", ordinal);
  }

  /** Files are built anew, from the first. */
  forgetSets(): void {
    this.#sql.exec("DELETE FROM sets");
  }

  noteUpload(uploadId: string, path: string): void {
    this.#sql.exec("INSERT INTO uploads VALUES (?, ?)", uploadId, path);
  }

  /** Uploads that a crash may have left behind. */
  uploads(): { uploadId: string; path: string }[] {
    const rows = this.#sql.exec("SELECT upload_id, path FROM uploads").toArray();
    return rows.map((row) => {
      const { upload_id: uploadId, path } = UploadRow.parse(row);
      return { uploadId, path };
    });
  }

  forgetUploads(): void {
    this.#sql.exec("DELETE FROM uploads");
  }

  /** The first reason of a group stands. */
  quarantine(reasons: ReadonlyMap<string, string>): void {
    this.#storage.transactionSync(() => {
      for (const [groupId, reason] of reasons) {
        this.#sql.exec("INSERT INTO quarantined VALUES (?, ?) ON CONFLICT DO NOTHING", groupId, reason);
      }
    });
  }

  quarantined(): Map<string, string> {
    const rows = this.#sql.exec("SELECT group_id, reason FROM quarantined ORDER BY group_id").toArray();
    return new Map(rows.map((row) => QuarantineRow.parse(row)).map(({ group_id, reason }) => [group_id, reason]));
  }

  #write(state: ExportState): void {
    this.#sql.exec(
      "INSERT INTO meta VALUES ('state', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
      JSON.stringify(state),
    );
  }
}
