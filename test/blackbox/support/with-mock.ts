// One server on one mock model for a test file. On a failure it prints what the server printed.

import { afterAll, beforeAll, beforeEach } from "vitest";
import { type MockOpenAi, startMockOpenAi } from "../../support/mock-openai.ts";
import { type Server, startServer, temporaryDir } from "../../support/server.ts";
import { type Api, apiOf } from "./api.ts";

export interface WithMock {
  readonly mock: MockOpenAi;
  readonly api: Api;
  readonly server: Server;
  /** The power cut, and a start on the same state. */
  restart(): Promise<void>;
}

/** To be called at the top of a test file. A second of lease is what keeps a test that restarts short. */
export function withMock(env: Readonly<Record<string, string>> = {}): WithMock {
  const state = temporaryDir();
  const running: { mock?: MockOpenAi; server?: Server; api?: Api } = {};

  async function start(): Promise<void> {
    const model = { INFERENCE_BASE_URL: present(running.mock).url, INFERENCE_MODEL: "mock-model" };
    running.server = await startServer({ stateDir: state.path, env: { ...model, LEASE_SECONDS: "1", ...env } });
    running.api = apiOf(running.server.url);
  }

  beforeAll(async () => {
    running.mock = await startMockOpenAi();
    await start();
  });
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => {
      console.error(running.server?.output());
    });
  });
  afterAll(async () => {
    await running.server?.kill9();
    await running.mock?.close();
    state.remove();
  });
  return {
    get mock() {
      return present(running.mock);
    },
    get api() {
      return present(running.api);
    },
    get server() {
      return present(running.server);
    },
    async restart() {
      await present(running.server).kill9();
      await start();
    },
  };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error("the server is not started before `beforeAll`");
  }
  return value;
}
