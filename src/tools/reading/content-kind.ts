// What a reply holds: the bytes decide over the Content-Type, which is often wrong. What is neither HTML, PDF nor text
// is refused; nothing is guessed from the address.

export type ContentKind = "html" | "pdf" | "text";

/** Enough to see a signature, an opening tag, or a byte that no text holds. */
const sniffedBytes = 2048;

/** Null for content that is no text: images, archives, programs. */
export function contentKind(bytes: Uint8Array, contentType: string | null): ContentKind | null {
  const head = bytes.subarray(0, sniffedBytes);
  const start = new TextDecoder("windows-1252").decode(head);
  // Some writers put a few bytes before the header; readers accept that within the first kilobyte.
  if (start.slice(0, 1024).includes("%PDF-")) {
    return "pdf";
  }
  if (isBinary(head)) {
    return null;
  }
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (/^\W{0,8}<(!doctype html|html|head|body|!--[^>]*-->\s*<(!doctype )?html)\b/i.test(start)) {
    return "html";
  }
  return type === "text/html" || type === "application/xhtml+xml" ? "html" : "text";
}

/** UTF-16 holds zero bytes too, and says so with its mark. */
function isBinary(head: Uint8Array): boolean {
  const [a, b] = head;
  const isWide = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  return !isWide && head.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x1b));
}
