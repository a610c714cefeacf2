// The normalisation that QA benchmarks apply before they compare: SQuAD's `normalize_answer` (lower case, no
// punctuation, no articles, single spaces). It does no stemming and knows no synonyms.

/** Python's `string.punctuation`, and as TriviaQA does the typographic quotes; dashes and the ellipsis are ours. */
const punctuation = /[!-/:-@[-`{-~‘’“”´‚„–—…]/g;
/** With letters and digits of every script as word characters, as in Python; `\b` would find an article in "été a". */
const articles = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

/** https://rajpurkar.github.io/SQuAD-explorer/, evaluate-v2.0.py; the text is brought to Unicode's NFC first. */
export function normalizeAnswer(text: string): string {
  const words = text.normalize("NFC").toLowerCase().replaceAll(punctuation, "").replaceAll(articles, " ").split(/\s+/);
  const normalized = words.filter((word) => word !== "").join(" ");
  // SQuAD takes "A", "The" and "!" for the same empty answer; here such a text is compared as it is.
  return normalized === "" ? text.trim().toLowerCase() : normalized;
}
