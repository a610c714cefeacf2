import { describe, expect, test } from "vitest";
import { loadSandboxCode, readManifest } from "../../src/tools/python-coder/sandbox-code.ts";
import { mainModule, type SandboxManifest } from "../../src/tools/python-coder/sandbox-manifest.ts";

const file = (name: string, module: string, kind: "js" | "wasm" | "data" | "text") => ({
  name,
  module,
  kind,
  bytes: 1,
  sha256: "0",
});

const manifest: SandboxManifest = {
  version: 1,
  stamp: "s",
  pyodide: "314.0.7",
  python: "3.14.2",
  maxMemoryMib: 96,
  lockInfo: { python: "3.14.2" },
  files: [
    file("runner.js", mainModule, "js"),
    file("pyodide.mjs", "pyodide", "js"),
    file("pyodide.wasm", "pyodide.wasm", "wasm"),
    file("prelude.py", "prelude.py", "text"),
  ],
  packs: [{ file: file("sympy.bin", "sympy.bin", "data"), contains: { sympy: "1.14.0" } }],
};

const serve = async (name: string): Promise<Response> => new Response(`content of ${name}`);

describe("the isolate's code", () => {
  test("holds every file under the name it is imported by, in its kind", async () => {
    const { modules } = await loadSandboxCode(manifest, serve);
    const bytes = (text: string) => new TextEncoder().encode(text).buffer;
    expect(modules).toEqual({
      [mainModule]: { js: "content of runner.js" },
      pyodide: { js: "content of pyodide.mjs" },
      "pyodide.wasm": { wasm: bytes("content of pyodide.wasm") },
      "prelude.py": { text: "content of prelude.py" },
      "sympy.bin": { data: bytes("content of sympy.bin") },
    });
  });

  test("has no network and no compatibility flag that would bring Node's process", async () => {
    const code = await loadSandboxCode(manifest, serve);
    expect(code).toMatchObject({ globalOutbound: null, mainModule });
    expect(code).not.toHaveProperty("compatibilityFlags");
  });

  test("tells the runner of the mounted packs", async () => {
    expect((await loadSandboxCode(manifest, serve)).env).toEqual({
      lockInfo: { python: "3.14.2" },
      packs: ["sympy.bin"],
    });
  });

  test("says what to do when a file is missing", async () => {
    const serveNothing = async (): Promise<Response> => new Response("", { status: 404 });
    await expect(readManifest(serveNothing)).rejects.toThrow("manifest.json is missing (404): npm run sandbox:build");
    await expect(loadSandboxCode(manifest, serveNothing)).rejects.toThrow("runner.js is missing (404)");
  });

  test("refuses a manifest of another version", async () => {
    const serveOther = async (): Promise<Response> => Response.json({ ...manifest, version: 2 });
    await expect(readManifest(serveOther)).rejects.toThrow("version");
  });
});
