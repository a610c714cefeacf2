// The words by which texts are compared: lower case, without accents and without the commonest words. Scripts that put
// no blanks between words are compared by pairs of characters. It stems nothing; the ranker matches beginnings.

/** Words that say how a question is put, not what it is about. */
const commonWords = new Set(
  (
    "a an and are as at be been but by can could did do does for from had has have he her his how i if in into is it " +
    "its me my no not of on or our she so than that the their them then there these they this those to us was we were " +
    "what when where which who whom whose why will with would you your"
  ).split(" "),
);

const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;

export function termsOf(text: string): string[] {
  const plain = text
    .normalize("NFKD")
    .replaceAll(/\p{M}+/gu, "")
    .toLowerCase();
  const words = plain.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.flatMap((word) => (unspaced.test(word) ? pairsOf(word) : commonWords.has(word) ? [] : [word]));
}

function pairsOf(word: string): string[] {
  const characters = Array.from(word);
  return characters.length < 2
    ? characters
    : characters.slice(1).map((character, index) => `${characters[index]}${character}`);
}
