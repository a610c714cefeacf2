// An exact evaluator of the tests' own, so that the offline engine's is not its own judge; and the search by which
// puzzles are chosen that have a solution.

interface Rational {
  readonly over: bigint;
  readonly under: bigint;
}

const operations: Readonly<Record<string, (a: Rational, b: Rational) => Rational>> = {
  "+": (a, b) => ({ over: a.over * b.under + b.over * a.under, under: a.under * b.under }),
  "-": (a, b) => ({ over: a.over * b.under - b.over * a.under, under: a.under * b.under }),
  "*": (a, b) => ({ over: a.over * b.over, under: a.under * b.under }),
  "/": (a, b) => ({ over: a.over * b.under, under: a.under * b.over }),
};
const precedence: Readonly<Record<string, number>> = { "+": 1, "-": 1, "*": 2, "/": 2 };

/** Whole numbers used, and whether the expression's value is exactly `target`. Throws for anything else. */
export function judgeExpression(text: string, target: number): { numbers: number[]; hits: boolean } {
  const tokens = text.match(/\d+|[-+*/()]|\S/g) ?? [];
  const values: Rational[] = [];
  const signs: string[] = [];
  const reduce = () => {
    const [right, left, sign] = [values.pop(), values.pop(), signs.pop()];
    const apply = operations[sign ?? ""];
    if (right === undefined || left === undefined || apply === undefined) {
      throw new Error(`"${text}" is no expression`);
    }
    values.push(apply(left, right));
  };
  for (const token of tokens) {
    if (/^\d+$/.test(token)) {
      values.push({ over: BigInt(token), under: 1n });
    } else if (token === "(") {
      signs.push(token);
    } else if (token === ")") {
      while (signs.at(-1) !== "(") {
        reduce();
      }
      signs.pop();
    } else {
      while ((precedence[signs.at(-1) ?? ""] ?? 0) >= (precedence[token] ?? 1)) {
        reduce();
      }
      signs.push(token);
    }
  }
  while (signs.length > 0) {
    reduce();
  }
  const [value, ...more] = values;
  if (value === undefined || more.length > 0) {
    throw new Error(`"${text}" is no expression`);
  }
  return { numbers: tokens.filter((token) => /^\d+$/.test(token)).map(Number), hits: isTarget(value, target) };
}

function isTarget({ over, under }: Rational, target: number): boolean {
  return under !== 0n && over === BigInt(target) * under;
}

/** Whether some expression that uses each number once has the value `target`. */
export function isSolvable(numbers: readonly number[], target: number): boolean {
  return reaches(
    numbers.map((number) => ({ over: BigInt(number), under: 1n })),
    target,
  );
}

function reaches(values: readonly Rational[], target: number): boolean {
  const [only, ...others] = values;
  if (only === undefined || others.length === 0) {
    return only !== undefined && isTarget(only, target);
  }
  return values.some((left, i) =>
    values.some((right, j) => {
      const rest = values.filter((_, index) => index !== i && index !== j);
      return i !== j && Object.values(operations).some((apply) => reaches([...rest, apply(left, right)], target));
    }),
  );
}
