// Splits a text as the paper's web tool does: 200 words, 20 of them shared with the chunk before. Offsets point into
// the text, so that a passage can be found again; nothing is rewritten.

export interface Chunk {
  readonly text: string;
  /** UTF-16 units from the text's beginning. */
  readonly start: number;
  readonly end: number;
}

const chunkWords = 200;
const overlapWords = 20;
/** Chinese and Japanese put no blanks between words: a run of characters counts as a word at this length. */
const maxWordChars = 20;
/** 200 English words are some 1,200 characters; long words must not make a chunk that nobody can show. */
const maxChunkChars = 1_600;

export function chunkText(text: string): Chunk[] {
  const words = wordsOf(text);
  const chunks: Chunk[] = [];
  for (let from = 0; from < words.length;) {
    const to = endOfChunk(words, from);
    const start = words[from]?.start ?? 0;
    const end = words[to - 1]?.end ?? start;
    chunks.push({ text: text.slice(start, end), start, end });
    if (to >= words.length) {
      break;
    }
    from = Math.max(from + 1, to - overlapWords);
  }
  return chunks;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** The index after the last word of the chunk that begins with word `from`. */
function endOfChunk(words: readonly Span[], from: number): number {
  const start = words[from]?.start ?? 0;
  let to = from + 1;
  while (to < words.length && to - from < chunkWords && (words[to]?.end ?? 0) - start <= maxChunkChars) {
    to += 1;
  }
  return to;
}

function wordsOf(text: string): Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(/\S+/g)) {
    const end = match.index + match[0].length;
    for (let start = match.index; start < end;) {
      const stop = endOfWord(text, start, end);
      spans.push({ start, end: stop });
      start = stop;
    }
  }
  return spans;
}

/** A cut must not fall inside a surrogate pair. */
function endOfWord(text: string, start: number, end: number): number {
  const stop = Math.min(end, start + maxWordChars);
  const isSplit = stop < end && /[\uDC00-\uDFFF]/.test(text.charAt(stop));
  return isSplit ? stop + 1 : stop;
}
