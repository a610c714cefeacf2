// The form of an API key: `afk_<id>_<secret>`. The id finds the row, the secret proves the holder; it has 160
// random bits, so its plain SHA-256 can be stored.

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const idChars = 16;
const secretChars = 32;
const pattern = new RegExp(`^afk_([${alphabet}]{${idChars}})_([${alphabet}]{${secretChars}})$`);

export interface KeyParts {
  readonly id: string;
  readonly secret: string;
}

/** Null when the text is not a key. */
export function parseApiKey(text: string): KeyParts | null {
  const [, id, secret] = pattern.exec(text) ?? [];
  return id === undefined || secret === undefined ? null : { id, secret };
}

export function formatApiKey(parts: KeyParts): string {
  return `afk_${parts.id}_${parts.secret}`;
}

/** `random` fills the bytes it is given, from a source fit for secrets. */
export function newApiKey(random: (bytes: Uint8Array) => Uint8Array): KeyParts {
  // Five bits of each byte are used; the alphabet has 32 letters, so no letter is likelier than another.
  const letters = (count: number) => Array.from(random(new Uint8Array(count)), (byte) => alphabet[byte & 31]).join("");
  return { id: letters(idChars), secret: letters(secretChars) };
}

/** Compares in a time that does not depend on where the texts differ. */
export function equalInConstantTime(left: string, right: string): boolean {
  const encoder = new TextEncoder();
  const [a, b] = [encoder.encode(left), encoder.encode(right)];
  let difference = a.length ^ b.length;
  for (const [index, byte] of a.entries()) {
    difference |= byte ^ (b[index] ?? 0);
  }
  return difference === 0;
}
