// The text of a PDF, page by page, by unpdf's build of pdf.js. Pages and characters are capped; it renders nothing,
// runs no script of the document and recognises no letters in pictures.

import type { getDocumentProxy } from "unpdf";
import { err, ok, type Result } from "../../lib/result.ts";
import { refusePdf } from "./pdf-bomb.ts";
import { tidyText } from "./strip-markup.ts";

export interface PdfText {
  readonly title: string | null;
  readonly text: string;
  /** Where each page's text begins. */
  readonly pageStarts: readonly number[];
  readonly pages: number;
  readonly isCut: boolean;
}

/** A long report; each page costs milliseconds that nothing can interrupt. */
const maxPages = 60;

/** Takes the bytes away from their owner. The error is words for people. */
export async function readPdf(
  bytes: Uint8Array<ArrayBuffer>,
  maxChars: number,
  signal: AbortSignal,
): Promise<Result<PdfText, string>> {
  const refused = refusePdf(bytes);
  if (refused !== null) {
    return err(refused);
  }
  // A megabyte and a half that most isolates never need.
  const pdf = await import("unpdf");
  try {
    const document = await pdf.getDocumentProxy(bytes, { verbosity: 0, stopAtErrors: false });
    try {
      return ok(await readPages(document, maxChars, signal));
    } finally {
      await document.destroy();
    }
  } catch {
    return err("the PDF is damaged");
  }
}

type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>;

async function readPages(document: PdfDocument, maxChars: number, signal: AbortSignal): Promise<PdfText> {
  const pageStarts: number[] = [];
  let text = "";
  let number = 1;
  for (; number <= Math.min(document.numPages, maxPages) && text.length < maxChars && !signal.aborted; number += 1) {
    const page = await document.getPage(number);
    const content = await page.getTextContent();
    const own = content.items.map((item) => ("str" in item ? `${item.str}${item.hasEOL ? "\n" : ""}` : "")).join("");
    pageStarts.push(text.length);
    text += `${tidyText(own)}\n\n`;
    page.cleanup();
  }
  return {
    title: await titleOf(document),
    text: text.slice(0, maxChars),
    pageStarts,
    pages: document.numPages,
    isCut: number <= document.numPages || text.length > maxChars,
  };
}

async function titleOf(document: PdfDocument): Promise<string | null> {
  const { info } = await document.getMetadata();
  const title: unknown = "Title" in info ? info.Title : null;
  return typeof title === "string" && title.trim() !== "" ? title.trim() : null;
}

/** From 1; the page on which a position of the text lies. */
export function pageAt({ pageStarts }: Pick<PdfText, "pageStarts">, position: number): number {
  return Math.max(1, pageStarts.findLastIndex((start) => start <= position) + 1);
}
