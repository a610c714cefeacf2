// Draws held-out success by iteration as an SVG: one line a training, one colour an arm. It reads on a light and on a
// dark page, and needs no font and no script.

import type { Arm } from "./arms.ts";
import type { Measured } from "./results.ts";

const colours: Readonly<Record<Arm, string>> = {
  normal: "#1a7f37",
  turn: "#0969da",
  blind: "#bf8700",
  shuffled: "#cf222e",
  zero: "#8250df",
};

const size = { width: 720, height: 360, left: 48, right: 132, top: 16, bottom: 36 };
const plot = { width: size.width - size.left - size.right, height: size.height - size.top - size.bottom };

export function drawCurve(trainings: readonly Measured[]): string {
  const last = Math.max(1, ...trainings.flatMap(({ iterations }) => iterations.at(-1)?.iteration ?? []));
  const x = (iteration: number) => round(size.left + (iteration / last) * plot.width);
  const y = (share: number) => round(size.top + (1 - share) * plot.height);
  const lines = trainings.map(({ arm, before, iterations }) => {
    const points = [{ iteration: 0, heldOut: before.sampled }, ...iterations];
    const path = points
      .flatMap(({ iteration, heldOut }) => (heldOut === null ? [] : `${x(iteration)},${y(heldOut)}`))
      .join(" ");
    return `<polyline points="${path}" fill="none" stroke="${colours[arm]}" stroke-width="1.5" stroke-opacity="0.8"/>`;
  });
  const shares = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<line x1="${size.left}" x2="${size.left + plot.width}" y1="${y(share)}" y2="${y(share)}" stroke="#8c959f" stroke-opacity="0.4"/>` +
      text(size.left - 8, y(share) + 4, `${share * 100} %`, "end"),
  );
  const ticks = Array.from({ length: 5 }, (_, index) => Math.round((last * index) / 4)).map((iteration) =>
    text(x(iteration), size.height - 14, String(iteration), "middle"),
  );
  const arms = [...new Set(trainings.map(({ arm }) => arm))].map((arm, index) => {
    const at = size.top + 12 + index * 20;
    const left = size.left + plot.width + 16;
    return (
      `<line x1="${left}" x2="${left + 18}" y1="${at - 4}" y2="${at - 4}" stroke="${colours[arm]}" stroke-width="3"/>` +
      text(left + 24, at, arm, "start")
    );
  });
  const title = "Held-out tasks solved, sampled at temperature 1, by iteration";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${title}">`,
    `<title>${title}</title>`,
    `<g font-family="sans-serif" font-size="12" fill="#6e7781">`,
    ...shares,
    ...ticks,
    text(size.left + plot.width / 2, size.height - 1, "iteration", "middle"),
    ...arms,
    "</g>",
    ...lines,
    "</svg>",
    "",
  ].join("\n");
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${content}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
