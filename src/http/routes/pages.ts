// What people open in a browser: the home page, the reference, and the document behind it. They hold no data of
// any tenant, so that they need no key, which a browser could not send with a link.

import type { App } from "../mount.ts";
import { createOpenApiDocument } from "../openapi.ts";
import { docsPage } from "../pages/docs.ts";
import { homePage } from "../pages/home.ts";
import { pageReply } from "../pages/html.ts";
import type { Services } from "../services.ts";

export const pagePaths = ["/", "/docs", "/openapi.json"] as const;

/** Built on first use, for it takes longer than a request; it is the same for the life of the process. */
function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

export function mountPages(app: App, services: Services): void {
  const document = lazily(() => createOpenApiDocument(services.facts.version));
  const docs = lazily(() => docsPage(document()));
  const newNonce = () => btoa(String.fromCharCode(...services.ids.random(new Uint8Array(16))));

  app.get("/", () => pageReply(homePage(services), newNonce()));
  app.get("/docs", () => pageReply(docs(), newNonce()));
  app.get("/openapi.json", () => Response.json(document()));
}
