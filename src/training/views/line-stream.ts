// JSON Lines as a byte stream that is made as it is read: a slow reader holds back the reading of the dataset, and a
// reader who goes away ends it. One row group and one piece of text are in memory.

const encoder = new TextEncoder();
/** Large enough that a million short lines are not a million writes. */
const pieceCharacters = 64 * 1024;

export function toLineStream(groups: AsyncGenerator<Iterable<unknown>>): ReadableStream<Uint8Array> {
  const pieces = textPieces(groups);
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await pieces.next();
        if (done === true) {
          controller.close();
        } else {
          controller.enqueue(encoder.encode(value));
        }
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    // Nothing is read ahead of the reader.
    { highWaterMark: 0 },
  );
}

async function* textPieces(groups: AsyncGenerator<Iterable<unknown>>): AsyncGenerator<string> {
  let text = "";
  for await (const rows of groups) {
    for (const row of rows) {
      text += `${JSON.stringify(row)}\n`;
      if (text.length >= pieceCharacters) {
        yield text;
        text = "";
      }
    }
  }
  if (text !== "") {
    yield text;
  }
}
