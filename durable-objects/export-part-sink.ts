// A byte sink that ends as one object in R2: parts of exactly 5 MiB, one upload at a time, so that memory does not
// grow with the file. What fits into one part needs no multipart upload. It keeps no more than a part and a piece.

import { type DatasetFiles, partBytes } from "../src/store/dataset-files.ts";
import { guardStore } from "../src/store/store-fault.ts";

export interface PartSinkHost {
  readonly files: DatasetFiles;
  readonly datasetId: string;
  readonly path: string;
  /** Before the first part: an upload that a crash leaves behind can then be aborted. */
  readonly onUpload: (uploadId: string) => void;
}

export class PartSink {
  readonly #host: PartSinkHost;
  readonly #buffer = new Uint8Array(partBytes);
  readonly #parts: R2UploadedPart[] = [];
  #filled = 0;
  #upload: R2MultipartUpload | null = null;

  constructor(host: PartSinkHost) {
    this.#host = host;
  }

  /** Copies the bytes; resolves when there is room for more. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let offset = 0; offset < bytes.length;) {
      if (this.#filled === partBytes) {
        await this.#sendPart();
      }
      const piece = bytes.subarray(offset, offset + partBytes - this.#filled);
      this.#buffer.set(piece, this.#filled);
      this.#filled += piece.length;
      offset += piece.length;
    }
  }

  /** The object stands when this resolves. */
  async close(): Promise<void> {
    const { files, datasetId, path } = this.#host;
    if (this.#upload === null) {
      await files.put(datasetId, path, this.#buffer.subarray(0, this.#filled));
      return;
    }
    // A full part is sent only when more comes, so that the last one is never empty.
    await this.#sendPart();
    const upload = this.#upload;
    await guardStore("records_unavailable", () => upload.complete(this.#parts));
  }

  async #sendPart(): Promise<void> {
    const { files, datasetId, path, onUpload } = this.#host;
    if (this.#upload === null) {
      this.#upload = await files.startUpload(datasetId, path);
      onUpload(this.#upload.uploadId);
    }
    const upload = this.#upload;
    const part = this.#buffer.slice(0, this.#filled);
    this.#filled = 0;
    this.#parts.push(await guardStore("records_unavailable", () => upload.uploadPart(this.#parts.length + 1, part)));
  }
}
