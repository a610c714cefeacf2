// Bytes from the web to plain text: the kind is found, the charset guessed, the main text taken out. What is no text
// is refused with a code; whatever the bytes are, this does not throw.

import { err, ok, type Result } from "../../lib/result.ts";
import { contentKind } from "./content-kind.ts";
import { decodeText } from "./decode-text.ts";
import { readHtml } from "./read-html.ts";
import { pageAt, readPdf } from "./read-pdf.ts";
import { tidyText } from "./strip-markup.ts";

export interface WebDocument {
  readonly kind: "html" | "pdf" | "text";
  readonly title: string | null;
  readonly text: string;
  /** How the text was made, for provenance. */
  readonly reader: string;
  /** Of a PDF: the page on which a position of the text lies. */
  readonly pageAt?: (position: number) => number;
  /** There was more than the caps let through. */
  readonly isCut: boolean;
}

export interface DocumentFault {
  readonly code: "not_text" | "unreadable" | "empty_page";
  readonly detail: string;
}

export interface DocumentBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string | null;
  /** The bytes were cut at the reader's cap. */
  readonly isTruncated: boolean;
}

/** As in the paper's tool: a million characters are some 160,000 words. */
const maxChars = 1_000_000;

export async function readDocument(
  source: DocumentBytes,
  signal: AbortSignal,
): Promise<Result<WebDocument, DocumentFault>> {
  const kind = contentKind(source.bytes, source.contentType);
  if (kind === null) {
    return err({ code: "not_text", detail: `the address holds ${source.contentType ?? "bytes"}, which is no text` });
  }
  const read = kind === "pdf" ? await fromPdf(source, signal) : ok(await fromText(kind, source));
  if (read.ok && read.value.text === "") {
    return err({ code: "empty_page", detail: "the page has no text of its own; it may need JavaScript" });
  }
  return read;
}

async function fromText(
  kind: "html" | "text",
  { bytes, contentType, isTruncated }: DocumentBytes,
): Promise<WebDocument> {
  const { text: whole } = decodeText(bytes, contentType);
  const page = kind === "html" ? await readHtml(whole) : { title: null, text: tidyText(whole), reader: "plain text" };
  return {
    kind,
    title: page.title,
    text: page.text.slice(0, maxChars),
    reader: page.reader,
    isCut: isTruncated || page.text.length > maxChars,
  };
}

async function fromPdf(source: DocumentBytes, signal: AbortSignal): Promise<Result<WebDocument, DocumentFault>> {
  if (source.isTruncated) {
    // Its table of contents lies at its end.
    return err({ code: "unreadable", detail: `the PDF is larger than ${source.bytes.byteLength} bytes` });
  }
  const read = await readPdf(source.bytes, maxChars, signal);
  if (!read.ok) {
    return err({ code: "unreadable", detail: read.error });
  }
  const { title, text, isCut } = read.value;
  return ok({
    kind: "pdf",
    title,
    text: text.trimEnd(),
    reader: "pdf.js",
    pageAt: (position: number) => pageAt(read.value, position),
    isCut,
  });
}
