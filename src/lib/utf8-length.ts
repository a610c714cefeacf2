// How many bytes a text takes as UTF-8, counted without encoding it: pieces of a streamed reply are a word each, and a
// call into the encoder for every one of them costs more than the word.

/** Half of a surrogate pair counts as the replacement character that an encoder makes of it. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) {
      // Two bytes up to U+07FF, three above; of a pair each half takes two of its four.
      bytes += code > 0x7_ff && !isPaired(text, index, code) ? 2 : 1;
    }
  }
  return bytes;
}

function isPaired(text: string, index: number, code: number): boolean {
  if (code < 0xd8_00 || code > 0xdf_ff) {
    return false;
  }
  const other = text.charCodeAt(code < 0xdc_00 ? index + 1 : index - 1);
  return code < 0xdc_00 ? other >= 0xdc_00 && other <= 0xdf_ff : other >= 0xd8_00 && other <= 0xdb_ff;
}
