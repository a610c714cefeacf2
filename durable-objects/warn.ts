// One line of JSON in the log for what went wrong behind a request that was answered all the same.

export function warn(message: string, error: unknown): void {
  console.warn(
    JSON.stringify({
      level: "warn",
      message,
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }),
  );
}
