// A small valid PDF with one line of text a page, for tests of the reader. No library writes one that is as plain.

import { deflateSync } from "node:zlib";

export function makePdf(pages: readonly string[]): Buffer {
  const first = 4;
  const kids = pages.map((_, index) => `${first + index * 2} 0 R`).join(" ");
  const objects = [
    Buffer.from("<< /Type /Catalog /Pages 2 0 R >>"),
    Buffer.from(`<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`),
    Buffer.from("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"),
    ...pages.flatMap((text, index) => [pageObject(first + index * 2 + 1), contentObject(text)]),
  ];
  const head = Buffer.from("%PDF-1.4\n");
  const parts: Buffer[] = [head];
  const offsets: number[] = [];
  let at = head.length;
  for (const [index, object] of objects.entries()) {
    const whole = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), object, Buffer.from("\nendobj\n")]);
    offsets.push(at);
    at += whole.length;
    parts.push(whole);
  }
  const rows = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`).join("");
  const size = objects.length + 1;
  parts.push(
    Buffer.from(
      `xref\n0 ${size}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${at}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(parts);
}

function pageObject(content: number): Buffer {
  const resources = "/Resources << /Font << /F1 3 0 R >> >>";
  return Buffer.from(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${content} 0 R ${resources} >>`);
}

function contentObject(text: string): Buffer {
  const lines = (text.match(/.{1,80}/g) ?? []).map((line) => `(${line.replaceAll(/[()\\]/g, "")}) Tj 0 -14 Td`);
  const stream = deflateSync(Buffer.from(`BT /F1 12 Tf 50 740 Td ${lines.join(" ")} ET`));
  const dictionary = `<< /Length ${stream.length} /Filter /FlateDecode >>\nstream\n`;
  return Buffer.concat([Buffer.from(dictionary), stream, Buffer.from("\nendstream")]);
}
