// What a question of the offline engine's domain consists of: parts of six kinds, each with the numbers and
// dates that its words name, and how the parts' results are combined. Values are text, exactly as written.

export const partKinds = ["arithmetic", "target", "days", "weekday", "units", "statistics"] as const;
export type PartKind = (typeof partKinds)[number];

export const measures = [
  "mean",
  "median",
  "mode",
  "range",
  "pstdev",
  "stdev",
  "pvariance",
  "variance",
  "sum",
  "max",
  "min",
  "count",
] as const;
export type Measure = (typeof measures)[number];

export type Part =
  /** A Python expression over `F("…")` literals. */
  | { readonly kind: "arithmetic"; readonly expression: string }
  | { readonly kind: "target"; readonly numbers: readonly string[]; readonly target: string }
  | {
      readonly kind: "days";
      readonly form: "between";
      readonly from: string;
      readonly to: string;
      readonly daysPerUnit: 1 | 7;
    }
  | { readonly kind: "days"; readonly form: "shift"; readonly from: string; readonly days: string }
  /** `asNumber`: Monday = 1 … Sunday = 7 instead of the name. */
  | { readonly kind: "weekday"; readonly date: string; readonly days: string; readonly asNumber: boolean }
  | {
      readonly kind: "units";
      readonly amounts: readonly (readonly [value: string, unit: string])[];
      readonly to: string;
    }
  | { readonly kind: "statistics"; readonly measure: Measure; readonly numbers: readonly string[] };

/** A part and the tokens it was read from: `from` inclusive, `to` exclusive. */
export interface Found {
  readonly part: Part;
  readonly from: number;
  readonly to: number;
}

/** A part's result by kind and rank among the parts of its kind (from 1), or a number of the question itself. */
export type Operand =
  | { readonly source: "part"; readonly kind: PartKind; readonly rank: number }
  | { readonly source: "constant"; readonly value: string };

export type ChainOperator = "+" | "-" | "*" | "/";
export type Fold = "sum" | "product" | "difference" | "quotient" | "max" | "min" | "mean";

/** How the operands become one answer. */
export type Combination =
  /** `binds: "words"` = infix words with the usual precedence; `"steps"` = an instruction, done from left to right. */
  | {
      readonly how: "chain";
      readonly steps: readonly {
        readonly operator: ChainOperator;
        readonly binds: "words" | "steps";
        readonly swap: boolean;
      }[];
    }
  | { readonly how: "fold"; readonly fold: Fold }
  /** One after the other, separated by "; ": what is asked where no operation is named. */
  | { readonly how: "list" };

export interface Question {
  readonly parts: readonly Part[];
  readonly operands: readonly Operand[];
  /** Null where there is at most one operand. */
  readonly combination: Combination | null;
}

export function partsOf<K extends PartKind>(question: Question, kind: K): Extract<Part, { kind: K }>[] {
  return question.parts.filter((part): part is Extract<Part, { kind: K }> => part.kind === kind);
}
