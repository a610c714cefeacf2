// Looks for an OpenAI-compatible server on this machine that lists a model. It asks loopback only, and briefly.

import * as z from "zod";

const known = [
  { name: "Ollama", port: 11434 },
  { name: "LM Studio", port: 1234 },
  { name: "vLLM", port: 8000 },
  { name: "llama.cpp", port: 8080 },
] as const;

/** A server on loopback answers in a few milliseconds; half a second is for one that is busy. */
const patienceMs = 500;

const ModelList = z.looseObject({ data: z.array(z.looseObject({ id: z.string().min(1) })) });

export interface LocalModel {
  readonly server: string;
  readonly baseUrl: string;
  readonly model: string;
}

/** The first server, in the order above, that lists a model which is not for embeddings; null if there is none. */
export async function findLocalModel(ownPort: number): Promise<LocalModel | null> {
  const asked = await Promise.all(known.filter(({ port }) => port !== ownPort).map((server) => askModels(server)));
  return asked.find((model) => model !== null) ?? null;
}

async function askModels({ name, port }: { name: string; port: number }): Promise<LocalModel | null> {
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  try {
    const response = await fetch(`${baseUrl}/models`, { signal: AbortSignal.timeout(patienceMs), redirect: "error" });
    const list = ModelList.safeParse(response.ok ? await response.json() : null);
    const chat = list.success ? list.data.data.find(({ id }) => !/embed|rerank|whisper|tts/i.test(id)) : undefined;
    return chat === undefined ? null : { server: name, baseUrl, model: chat.id };
  } catch {
    return null;
  }
}
