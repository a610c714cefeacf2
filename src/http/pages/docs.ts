// The page at `/docs`: the OpenAPI document, made readable. It needs no network and runs no script.

import * as z from "zod";
import type { OpenApiDocument } from "../openapi.ts";
import { problemTypes } from "../problem.ts";
import { Html, html, type Page } from "./html.ts";
import { describeSchema } from "./schema-text.ts";
import { pageStyle } from "./style.ts";

const Content = z.record(z.string(), z.object({ schema: z.unknown() }));

const Operation = z.object({
  operationId: z.string(),
  tags: z.array(z.string()),
  summary: z.string(),
  description: z.string().default(""),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z
    .array(
      z.object({
        name: z.string(),
        in: z.string(),
        required: z.boolean().default(false),
        description: z.string().default(""),
        schema: z.unknown(),
      }),
    )
    .default([]),
  requestBody: z.object({ content: Content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: Content.default({}) })),
});
type Operation = z.infer<typeof Operation>;

const Document = z.object({
  info: z.object({ title: z.string(), version: z.string(), description: z.string() }),
  tags: z.array(z.object({ name: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

function markCode(text: string): Html {
  const pieces = text.split("`");
  return new Html(
    pieces.map((piece, index) => (index % 2 === 1 ? html`<code>${piece}</code>` : html`${piece}`).text).join(""),
  );
}

function accessText(operation: Operation): string {
  const [first] = operation.security;
  if (first === undefined) {
    return "no key";
  }
  const scopes = Object.values(first).flat();
  return scopes.length === 0 ? "any key" : `scope ${scopes.join(", ")}`;
}

function parameterTable(operation: Operation): Html {
  if (operation.parameters.length === 0) {
    return html``;
  }
  const rows = operation.parameters.map(
    (parameter) =>
      html`<tr>
        <td><code>${parameter.name}</code></td>
        <td>${parameter.in}</td>
        <td><code>${describeSchema(parameter.schema)}</code></td>
        <td>${markCode(parameter.description)}</td>
      </tr>`,
  );
  return html`<table>
    <tr>
      <th>Parameter</th>
      <th>In</th>
      <th>Type</th>
      <th></th>
    </tr>
    ${rows}
  </table>`;
}

/** A schema, or a link to it where it has a name. */
function schemaBlock(schema: unknown): Html {
  const text = describeSchema(schema);
  return /^[A-Z]\w+$/.test(text) ? html`<p><a href="#schema-${text}">${text}</a></p>` : html`<pre>${text}</pre>`;
}

function replyBlock([status, reply]: [string, Operation["responses"][string]]): Html {
  const bodies = Object.entries(reply.content)
    .filter(([mediaType]) => mediaType !== "application/problem+json")
    .map(
      ([mediaType, { schema }]) =>
        html`<p class="soft">${mediaType}</p>
          ${schemaBlock(schema)}`,
    );
  return html`<p><strong>${status}</strong> ${markCode(reply.description)}</p>
    ${bodies}`;
}

function operationBlock(method: string, path: string, operation: Operation): Html {
  const bodies = Object.values(operation.requestBody?.content ?? {}).map(
    ({ schema }) =>
      html`<p class="soft">Body</p>
        ${schemaBlock(schema)}`,
  );
  return html`<details id="${operation.operationId}">
    <summary>
      <span class="method mono ${method}">${method.toUpperCase()}</span><span class="mono">${path}</span>
      <span class="soft">${operation.summary}</span>
    </summary>
    <div>
      <p>${markCode(operation.description)}</p>
      <p class="soft">Access: ${accessText(operation)}.</p>
      ${parameterTable(operation)}${bodies}${Object.entries(operation.responses).map(replyBlock)}
    </div>
  </details>`;
}

function problemTable(): Html {
  const rows = Object.entries(problemTypes).map(
    ([code, type]) =>
      html`<tr id="problem-${code}">
        <td>${type.status}</td>
        <td><code>${code}</code></td>
        <td>${type.title}</td>
      </tr>`,
  );
  return html`<h2>Errors</h2>
    <table>
      <tr>
        <th>Status</th>
        <th>Code</th>
        <th></th>
      </tr>
      ${rows}
    </table>`;
}

export function docsPage(document: OpenApiDocument): Page {
  const { info, tags, paths, components } = Document.parse(document);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
  );
  const sections = tags.map(({ name }) => {
    const blocks = operations
      .filter(({ operation }) => operation.tags.includes(name))
      .map(({ method, path, operation }) => operationBlock(method, path, operation));
    return html`<h2>${name}</h2>
      ${blocks}`;
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      html`<details id="schema-${name}">
        <summary><span class="mono">${name}</span></summary>
        <div><pre>${describeSchema(schema)}</pre></div>
      </details>`,
  );
  return {
    title: `${info.title}: API reference`,
    style: pageStyle,
    script: "",
    body: html`<h1>${info.title}</h1>
      <nav><a href="/">Home</a> <a href="/openapi.json">openapi.json</a></nav>
      <p>${markCode(info.description)}</p>
      <p class="soft">Version ${info.version}.</p>
      ${sections}
      <h2>Schemas</h2>
      ${schemas}${problemTable()}`,
  };
}
