// verl's trajectory-level GRPO advantage, written from what its documentation says it does: of each session, the
// rows that share all of the key but its last part, the row with the highest number stands for the session; those
// rows are compared in their group (mean, deviation with N-1, plus 1e-6), and the result goes to every row of the
// session. A group of one session keeps its score.

export interface KeyedRow {
  readonly key: string;
  readonly uid: string;
  readonly rewards: number;
}

const eps = 1e-6;

/** `divide`: "none" is `norm_adv_by_std_in_grpo=False`. */
export function trajectoryLevelAdvantages(rows: readonly KeyedRow[], divide: "std" | "none"): number[] {
  const last = new Map<string, { number: number; row: KeyedRow }>();
  for (const row of rows) {
    const { session, number } = splitKey(row.key);
    if ((last.get(session)?.number ?? -1) < number) {
      last.set(session, { number, row });
    }
  }
  const scores = new Map<string, number[]>();
  for (const { row } of last.values()) {
    scores.set(row.uid, [...(scores.get(row.uid) ?? []), row.rewards]);
  }
  return rows.map((row) => {
    const score = last.get(splitKey(row.key).session)?.row.rewards ?? Number.NaN;
    return compare(score, scores.get(row.uid) ?? [], divide);
  });
}

function splitKey(key: string): { session: string; number: number } {
  const cut = key.lastIndexOf("_");
  return { session: key.slice(0, cut), number: Number(key.slice(cut + 1)) };
}

function compare(score: number, scores: readonly number[], divide: "std" | "none"): number {
  if (scores.length === 1) {
    return score;
  }
  const mean = scores.reduce((sum, one) => sum + one, 0) / scores.length;
  const variance = scores.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (scores.length - 1);
  return divide === "none" ? score - mean : (score - mean) / (Math.sqrt(variance) + eps);
}

/** What verl's estimator gives over rows, which is not the paper's. */
export function rowLevelAdvantages(rows: readonly KeyedRow[]): number[] {
  return rows.map((row) =>
    compare(
      row.rewards,
      rows.filter(({ uid }) => uid === row.uid).map(({ rewards }) => rewards),
      "std",
    ),
  );
}
