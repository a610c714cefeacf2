// What a deployment lets its tenants' URLs reach, read from its variables. Everything that is not said here is
// refused by default: other ports, internal names, and every address that is not public.

export interface FetchRules {
  /** Exact `host:port` that may be internal, as the first hop only: peers of tests and of a private deployment. */
  readonly allow: ReadonlySet<string>;
  /** Names that are never reached, with all names below them. */
  readonly denyHosts: readonly string[];
  /** Where not empty, only these names and those below them are reached. */
  readonly allowHosts: readonly string[];
  readonly ports: ReadonlySet<number>;
}

type Variables = Readonly<Record<string, string | undefined>>;

/** The ports of http and https; a model server elsewhere is named in FETCH_PORTS. */
const defaultPorts = [80, 443];

/** FETCH_ALLOW, FETCH_DENY_HOSTS, FETCH_ALLOW_HOSTS, FETCH_PORTS: lists with commas. Throws for a port that is none. */
export function readFetchRules(variables: Variables): FetchRules {
  const ports = list(variables, "FETCH_PORTS").map(toPort);
  return {
    allow: new Set(list(variables, "FETCH_ALLOW")),
    denyHosts: list(variables, "FETCH_DENY_HOSTS").map(toName),
    allowHosts: list(variables, "FETCH_ALLOW_HOSTS").map(toName),
    ports: new Set(ports.length === 0 ? defaultPorts : ports),
  };
}

function list(variables: Variables, name: string): string[] {
  return (variables[name] ?? "").split(",").flatMap((entry) => entry.trim().toLowerCase() || []);
}

/** `*.example.com`, `.example.com` and `example.com` mean the same. */
function toName(entry: string): string {
  return entry.replace(/^(\*?\.)/, "").replace(/\.$/, "");
}

function toPort(entry: string): number {
  const port = /^\d{1,5}$/.test(entry) ? Number(entry) : 0;
  if (port < 1 || port > 65_535) {
    throw new Error(`FETCH_PORTS: ${entry} is not a port`);
  }
  return port;
}
