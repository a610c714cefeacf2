/** How long an `Idempotency-Key` is kept (DESIGN section 5). */
export const keyLifetimeMs = 24 * 60 * 60 * 1000;
