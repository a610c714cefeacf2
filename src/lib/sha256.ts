// SHA-256 through WebCrypto, which workerd and Node share.

function toBytes(data: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(typeof data === "string" ? new TextEncoder().encode(data) : data);
}

/** 32 bytes; a string is hashed as UTF-8. */
export async function sha256(data: string | Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", toBytes(data)));
}

/** 64 lower-case hex digits. */
export async function sha256Hex(data: string | Uint8Array): Promise<string> {
  return Array.from(await sha256(data), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
