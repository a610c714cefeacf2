// Takes the typography off a mathematical answer: dollar signs, sizes, spaces, text commands, Unicode signs and the
// separators inside numbers. What it leaves has one way to write each operation.

const signs: Readonly<Record<string, string>> = {
  "−": "-",
  "–": "-",
  "×": "*",
  "·": "*",
  "⋅": "*",
  "÷": "/",
  "∪": "\\cup ",
  "∈": "\\in ",
  "∞": "\\infty ",
  "½": "\\frac{1}{2}",
  "¼": "\\frac{1}{4}",
  "¾": "\\frac{3}{4}",
  "⅓": "\\frac{1}{3}",
  "⅔": "\\frac{2}{3}",
  "²": "^{2}",
  "³": "^{3}",
  "，": ",",
};

/** In order: a later rule sees what an earlier one left. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/\\(?:dfrac|tfrac|cfrac)(?![a-zA-Z])/g, "\\frac"],
  [/\\frac\s*(\d)\s*(?=[\d{])/g, "\\frac{$1}"],
  [/\\frac\s*\{([^{}]{1,200})\}\s*(\d)/g, "\\frac{$1}{$2}"],
  [/\\(?:left|right|displaystyle|limits|[bB]igg?[lr]?)(?![a-zA-Z])/g, ""],
  [/\\\$|\$|\\[()]|\\\[|\\\]/g, ""],
  [/\{,\}|(?<=\d)\\[,!](?=\d{3})/g, ""],
  [/\\(?:q?quad)(?![a-zA-Z])|\\[,;:! ]|~/g, " "],
  // A unit or a remark after a value; a text that is the whole answer keeps its words.
  [/(?<=[\d})%])\s*\\(?:text|mathrm|mbox|textrm)\s*\{[^{}]*\}(?:\s*\^\s*\{?[23]\}?)?\s*\.?$/g, ""],
  [/\\(?:text|mathrm|mbox|textrm|textbf|textit|mathbf|operatorname|mathit)\s*\{([^{}]*)\}/g, "$1"],
  [/\^\s*\{?\s*\\circ\s*\}?|\\degree(?![a-zA-Z])|°/g, ""],
  [/\\(?:cdot|times|ast)(?![a-zA-Z])/g, "*"],
  [/\\div(?![a-zA-Z])/g, "/"],
  [/\*\*/g, "^"],
  [/\\%/g, "%"],
  [/\\(?:lvert|rvert|vert|mid)(?![a-zA-Z])/g, "|"],
  [/\\(?:lbrace|\{)/g, "⦃"],
  [/\\(?:rbrace|\})/g, "⦄"],
  [/\\(?:emptyset|varnothing)(?![a-zA-Z])|∅/g, "⦃⦄"],
  [/(?<![a-zA-Z\\])sqrt(?=\s*\()/g, "\\sqrt"],
  [/(?<![a-zA-Z\\])pi(?![a-zA-Z])/g, "\\pi "],
  [/(?<![a-zA-Z\\])infinity(?![a-zA-Z])/g, "\\infty "],
  [/(?<![a-zA-Z\\])(sin|cos|tan|ln|log|exp)(?![a-z])/g, "\\$1 "],
  // A mixed number: a product would have a sign between.
  [/(?<![\d.^_])(\d{1,30})\s*\\frac\s*\{(\d{1,30})\}\s*\{(\d{1,30})\}/g, "($1+$2/$3)"],
  [/(?<![\d.^_])(\d{1,30})\s+(\d{1,30})\s*\/\s*(\d{1,30})(?!\d)/g, "($1+$2/$3)"],
];

export function plainFormula(text: string): string {
  const ascii = text.normalize("NFC").replaceAll(/[−–×·⋅÷∪∈∞½¼¾⅓⅔²³，]/g, (sign) => signs[sign] ?? sign);
  const plain = rules.reduce((current, [pattern, replacement]) => current.replaceAll(pattern, replacement), ascii);
  return plain
    .replaceAll(/\s+/g, " ")
    .trim()
    .replace(/[.,;:]+$/, "")
    .trim();
}

/** "1,234,567.8", outside brackets; with a blank after the comma, or in brackets, it separates. */
export function withoutThousands(text: string): string {
  return text.replaceAll(/(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])/g, (number) => number.replaceAll(",", ""));
}
