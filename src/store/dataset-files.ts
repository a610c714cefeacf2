// The files of datasets in R2, one folder each. Parquet files are streamed in parts of one size, the manifest is
// written create-only, and everything is read by ranges, so that no file is ever held whole.

import { guardStore } from "./store-fault.ts";

/** R2 wants parts of 5 MiB at least, all of one size but the last (reference/platform.md). */
export const partBytes = 5 * 1024 * 1024;

export interface StoredFile {
  readonly bytes: number;
  readonly body: ReadableStream<Uint8Array>;
}

/** Methods throw StoreFault (`records_unavailable`) when R2 fails. */
export interface DatasetFiles {
  /** Null where there is no such file. */
  size(datasetId: string, path: string): Promise<number | null>;
  /** The whole of a small file; null where there is none. */
  readText(datasetId: string, path: string): Promise<string | null>;
  /** Bytes from `start` up to `end`, which is excluded. Throws if they are not there. */
  readRange(datasetId: string, path: string, start: number, end: number): Promise<ArrayBuffer>;
  /** As a stream; the whole file without a range. Null where there is no such file. */
  stream(datasetId: string, path: string, range: { start: number; end: number } | null): Promise<StoredFile | null>;
  /** Small files; a later write replaces an earlier one. */
  put(datasetId: string, path: string, body: string | Uint8Array): Promise<void>;
  /** False where the file was there before. */
  create(datasetId: string, path: string, body: string): Promise<boolean>;
  startUpload(datasetId: string, path: string): Promise<R2MultipartUpload>;
  /** An upload that is not known any more is none. */
  abortUpload(datasetId: string, path: string, uploadId: string): Promise<void>;
  /** Everything in the folder. */
  deleteAll(datasetId: string): Promise<void>;
}

export function datasetKey(datasetId: string, path: string): string {
  return `datasets/${datasetId}/${path}`;
}

/** By the file's ending; Parquet has its own registered type. */
export function contentTypeOf(path: string): string {
  if (path.endsWith(".parquet")) {
    return "application/vnd.apache.parquet";
  }
  return path.endsWith(".json") ? "application/json" : "text/markdown; charset=utf-8";
}

/** R2 names an upload that was completed or aborted before by this number or these words. */
const unknownUpload = /10024|NoSuchUpload|does not exist/i;

async function deleteFolder(bucket: R2Bucket, datasetId: string): Promise<void> {
  for (;;) {
    // At most a thousand keys a list and a delete.
    const { objects } = await bucket.list({ prefix: datasetKey(datasetId, "") });
    if (objects.length === 0) {
      return;
    }
    await bucket.delete(objects.map(({ key }) => key));
  }
}

async function abort(bucket: R2Bucket, key: string, uploadId: string): Promise<void> {
  try {
    await bucket.resumeMultipartUpload(key, uploadId).abort();
  } catch (error) {
    if (!(error instanceof Error && unknownUpload.test(error.message))) {
      throw error;
    }
  }
}

export function createDatasetFiles(bucket: R2Bucket): DatasetFiles {
  const guard = <T>(call: () => Promise<T>) => guardStore("records_unavailable", call);
  const typed = (path: string) => ({ httpMetadata: { contentType: contentTypeOf(path) } });
  return {
    size: (datasetId, path) => guard(async () => (await bucket.head(datasetKey(datasetId, path)))?.size ?? null),
    readText: (datasetId, path) =>
      guard(async () => (await (await bucket.get(datasetKey(datasetId, path)))?.text()) ?? null),
    readRange: (datasetId, path, start, end) =>
      guard(async () => {
        const range = { offset: start, length: end - start };
        const object = await bucket.get(datasetKey(datasetId, path), { range });
        if (object === null) {
          throw new Error(`${path} of ${datasetId} is not there`);
        }
        return object.arrayBuffer();
      }),
    stream: (datasetId, path, range) =>
      guard(async () => {
        const options = range === null ? {} : { range: { offset: range.start, length: range.end - range.start } };
        const object = await bucket.get(datasetKey(datasetId, path), options);
        return object === null ? null : { bytes: object.size, body: object.body };
      }),
    put: (datasetId, path, body) =>
      guard(async () => {
        await bucket.put(datasetKey(datasetId, path), body, typed(path));
      }),
    create: (datasetId, path, body) =>
      guard(async () => {
        const options = { ...typed(path), onlyIf: { etagDoesNotMatch: "*" } };
        return (await bucket.put(datasetKey(datasetId, path), body, options)) !== null;
      }),
    startUpload: (datasetId, path) =>
      guard(() => bucket.createMultipartUpload(datasetKey(datasetId, path), typed(path))),
    abortUpload: (datasetId, path, uploadId) => guard(() => abort(bucket, datasetKey(datasetId, path), uploadId)),
    deleteAll: (datasetId) => guard(() => deleteFolder(bucket, datasetId)),
  };
}
