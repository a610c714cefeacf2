// Expected failures as values. Parsers, engines and tools return a Result whose error has a code;
// a throw is reserved for bugs and for platform faults, which must leave the invocation.

export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

export function ok<T>(value: T): Result<T, never> {
  return { ok: true, value };
}

export function err<E>(error: E): Result<never, E> {
  return { ok: false, error };
}
