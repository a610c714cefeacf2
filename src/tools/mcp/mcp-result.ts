// What an MCP tool answered, as the result of a tool: its structured content where it has some, otherwise its texts.
// Pictures and sound are named, not passed on: no module here reads them, and they would fill the log.

import type { CallToolResult, ContentBlock } from "@modelcontextprotocol/client";

export function toResult({ structuredContent, content }: CallToolResult): unknown {
  if (structuredContent !== undefined) {
    return structuredContent;
  }
  const parts = content.map(toPart);
  return parts.every((part) => typeof part === "string") ? parts.join("\n") : parts;
}

/** The words of a failed call. */
export function textOf({ content }: CallToolResult): string {
  return content
    .flatMap((block) => (block.type === "text" ? [block.text] : []))
    .join("\n")
    .trim();
}

function toPart(block: ContentBlock): unknown {
  switch (block.type) {
    case "text":
      return block.text;
    case "image":
    case "audio":
      return { type: block.type, mime_type: block.mimeType, left_out: `${block.data.length} characters of base64` };
    case "resource_link":
      return { type: "resource_link", uri: block.uri, name: block.name };
    case "resource":
      return "text" in block.resource
        ? { type: "resource", uri: block.resource.uri, text: block.resource.text }
        : { type: "resource", uri: block.resource.uri, left_out: `${block.resource.blob.length} characters of base64` };
    default:
      return { type: "unknown" };
  }
}
