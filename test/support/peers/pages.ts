// Web pages as they are found outside: proper ones, wrong charsets, PDFs, pictures, pages of a size or depth that
// breaks a parser. A page is a path under /pages/.

import { deflateSync } from "node:zlib";
import { bridgePage } from "./corpus.ts";
import { makePdf } from "./make-pdf.ts";

export interface WebPage {
  readonly type: string;
  readonly bytes: Buffer;
}

const sentence = "The town of Orsova keeps its records in a tower by the river. ";
const latin = "Das Gebäude wurde für 3 Könige in Bäumenheim erbaut; die Straße führt über Öhringen. ";

function article(body: string, head = ""): string {
  return `<!doctype html><html><head><title>A page</title>${head}</head><body><article>${body}</article></body></html>`;
}

function pdfOf(entry: string, stream: Buffer): Buffer {
  const head = Buffer.from(`%PDF-1.4\n1 0 obj\n<< /Length 9 ${entry} >>\nstream\n`);
  return Buffer.concat([head, stream, Buffer.from("\nendstream\nendobj\n")]);
}

const makers: Readonly<Record<string, () => WebPage>> = {
  bridge: () => ({ type: "text/html; charset=utf-8", bytes: Buffer.from(bridgePage) }),
  plain: () => ({ type: "text/plain", bytes: Buffer.from(sentence.repeat(40)) }),
  // Every character but one needs an escape in JSON, and the title goes on.
  quotes: () => ({
    type: "text/html",
    bytes: Buffer.from(article(`<p>${'"\\" '.repeat(4_000)}</p>`, `<title>${"T ".repeat(900)}</title>`)),
  }),
  json: () => ({ type: "application/json", bytes: Buffer.from('{"opened": "14 May 1931"}') }),
  // Says UTF-8, is Latin-1; and the other way round.
  latin1: () => ({
    type: "text/html; charset=utf-8",
    bytes: Buffer.from(article(`<p>${latin.repeat(8)}</p>`), "latin1"),
  }),
  utf8: () => ({ type: "text/html; charset=iso-8859-1", bytes: Buffer.from(article(`<p>${latin.repeat(8)}</p>`)) }),
  shiftjis: () => ({
    type: "text/html",
    bytes: Buffer.concat([
      Buffer.from('<html><head><meta charset="shift_jis"></head><body><p>'),
      Buffer.from([0x93, 0x8c, 0x8b, 0x9e, 0x83, 0x5e, 0x83, 0x8f, 0x81, 0x5b]),
      Buffer.from("</p></body></html>"),
    ]),
  }),
  nocharset: () => ({
    type: "text/html; charset=made-up",
    bytes: Buffer.from(article(`<p>${latin.repeat(8)}</p>`), "latin1"),
  }),
  pdf: () => ({
    type: "application/octet-stream",
    bytes: makePdf(["First page about hotels and trains.", "The Kestrel Bridge opened on 14 May 1931."]),
  }),
  // 64 MB of blanks as one page's instructions, and files that nobody can measure.
  pdfbomb: () => ({
    type: "application/pdf",
    bytes: pdfOf("/Filter/FlateDecode", deflateSync(Buffer.alloc(1 << 26, " "))),
  }),
  pdflzw: () => ({ type: "application/pdf", bytes: pdfOf("/Filter/LZW#44ecode", Buffer.from("x")) }),
  pdflocked: () => ({ type: "application/pdf", bytes: pdfOf("/Encrypt 4 0 R", Buffer.from("x")) }),
  brokenpdf: () => ({ type: "application/pdf", bytes: Buffer.from("%PDF-1.7\nnothing of a PDF follows") }),
  picture: () => ({
    type: "text/html",
    bytes: Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]),
  }),
  empty: () => ({ type: "text/html", bytes: Buffer.from("<html><body><script>app()</script></body></html>") }),
  deep: () => ({
    type: "text/html",
    bytes: Buffer.from(`<html><body>${"<div>".repeat(200_000)}The needle lies deep.`),
  }),
  huge: () => ({
    type: "text/html",
    bytes: Buffer.from(article(`<p>The needle lies at the start.</p>${`<p>${sentence}</p>`.repeat(120_000)}`)),
  }),
};

export function webPage(name: string): WebPage | null {
  const make = makers[name];
  return make === undefined ? null : make();
}
