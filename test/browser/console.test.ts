import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DevServer, startDevServer } from "../../scripts/lib/dev-server.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";

/** A sandboxed CI has no user namespaces for Chromium's own sandbox, and no network for its look-ups. */
const chromiumArguments = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let stateDir: string;
let server: DevServer;
let browser: Browser;

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "agentflow-browser-"));
  server = await startDevServer({
    host: "127.0.0.1",
    port: 0,
    stateDir,
    variables: { ALLOW_ANONYMOUS: "1", INFERENCE_BASE_URL: "offline" },
    output: "ignore",
  });
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: chromiumArguments,
  });
});

afterAll(async () => {
  await browser.close();
  await server.stop();
  await rm(stateDir, { recursive: true, force: true });
});

/** A page, and everything that its console complained about. */
async function openPage(url: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") {
      complaints.push(message.text());
    }
  });
  await page.goto(url);
  return { page, complaints };
}

async function startRun(query: string): Promise<string> {
  const response = await fetch(`${server.url}/v1/solve`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, background: true }),
  });
  expect(response.status).toBe(202);
  return String(response.headers.get("location")).replace("/v1/runs/", "");
}

/** What an EventSource sees of a run: numbers of its numbered events, types in order, and its state at the end. */
async function followInBrowser(page: Page, path: string): Promise<{ ids: number[]; last: string; closed: boolean }> {
  return page.evaluate(async (eventsPath) => {
    const types = ["run.created", "run.started", "analysis.completed", "turn.started", "plan.completed"];
    types.push("command.completed", "tool.started", "tool.completed", "tool.failed", "verification.completed");
    types.push("turn.completed", "answer.completed", "run.completed", "run.incomplete", "run.failed", "run.cancelled");
    const source = new EventSource(eventsPath);
    const ids: number[] = [];
    let last = "";
    for (const type of types) {
      source.addEventListener(type, (event) => {
        if (event instanceof MessageEvent) {
          ids.push(Number(event.lastEventId));
          last = type;
        }
      });
    }
    // The stream ends after the terminal event; the browser then asks once more and is told 204.
    while (source.readyState !== EventSource.CLOSED) {
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
    }
    return { ids, last, closed: true };
  }, path);
}

describe("the page", () => {
  it("solves a query and shows its turns and its answer as they come", async () => {
    const { page, complaints } = await openPage(server.url);
    await page.getByLabel("Query").fill("Make 24 from 4, 7, 8, 8.");
    await page.getByRole("button", { name: "Solve" }).click();
    await page
      .getByText(/completed/i)
      .first()
      .waitFor();
    const text = await page.locator("body").innerText();
    expect(text).toContain("python_coder");
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("shows the API's operations without a network", async () => {
    const { page, complaints } = await openPage(`${server.url}/docs`);
    expect(await page.locator("body").innerText()).toContain("/v1/solve");
    expect(complaints).toEqual([]);
    await page.close();
  });
});

describe("a browser's EventSource", () => {
  it("reads a run to its end and then stays closed", async () => {
    const runId = await startRun("What is 17 times 23?");
    const { page } = await openPage(server.url);
    const seen = await followInBrowser(page, `/v1/runs/${runId}/events`);
    expect(seen.ids).toEqual(seen.ids.map((_, index) => index + 1));
    expect(seen.last).toBe("run.completed");
    await page.close();
  });

  it("resumes where a broken connection left it, with nothing lost and nothing twice", async () => {
    const runId = await startRun("What is the median of 4, 8, 15, 16, 23 and 42?");
    const proxy = await startCuttingProxy(server.url, [3, 4]);
    const { page } = await openPage(proxy.url);
    const seen = await followInBrowser(page, `/v1/runs/${runId}/events`);
    expect(seen.ids).toEqual(seen.ids.map((_, index) => index + 1));
    expect(seen.last).toBe("run.completed");
    expect(proxy.resumedFrom.length).toBeGreaterThanOrEqual(3);
    expect(proxy.resumedFrom[0]).toBe("");
    expect(proxy.resumedFrom.slice(1).every((id) => Number(id) > 0)).toBe(true);
    await page.close();
    await proxy.close();
  });
});
