// Which addresses and names are somebody's inside. Pure rules, no DNS: an address counts as public only where a
// registry says that it is globally reachable, and a name is refused where its form alone gives it away.

import ipaddr from "ipaddr.js";

/** Public by their range, but a cloud's metadata or host agent answers there. */
const metadataAddresses = new Set(["168.63.129.16"]);

/** Only this block of IPv6 is handed out to the public (RFC 4291; IANA's table of global unicast). */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

/** `address` without brackets. Anything that is no address is not public. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) {
    return false;
  }
  const parsed = ipaddr.parse(address);
  // Addresses that carry an IPv4 one (mapped, compatible, NAT64, 6to4, Teredo) have ranges of their own, or lie
  // outside of the block, and nobody who serves the public needs them.
  return parsed.range() === "unicast" && !metadataAddresses.has(parsed.toString()) && isHandedOut(parsed);
}

function isHandedOut(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.kind() === "ipv4") {
    return true;
  }
  const parts = ipaddr.IPv6.parse(address.toString());
  // ISATAP (RFC 5214) carries an IPv4 address behind any prefix.
  const isIsatap = parts.parts[5] === 0x5efe && (parts.parts[4] === 0 || parts.parts[4] === 0x200);
  return parts.match(globalUnicast) && !isIsatap;
}

/** Last labels of names that are resolved inside a machine, a house, a cluster or a cloud, or nowhere at all. */
const innerSuffixes = [
  "localhost",
  "localdomain",
  "local",
  "internal",
  "intranet",
  "private",
  "corp",
  "home",
  "lan",
  "arpa",
  "onion",
  "test",
  "invalid",
];

/** Public names whose purpose is to answer with whatever address stands in them, or with loopback. */
const wildcardNames = [
  "nip.io",
  "sslip.io",
  "xip.io",
  "traefik.me",
  "localtest.me",
  "lvh.me",
  "vcap.me",
  "lacolhost.com",
  "rbndr.us",
  "1u.ms",
  "localho.st",
  "local.gd",
  "localdev.me",
  "backname.io",
  "ipv6-literal.net",
];

/** `name` in lower case as WHATWG URL gives it, without a last dot. */
export function isInnerName(name: string): boolean {
  const isUnder = (suffix: string) => name === suffix || name.endsWith(`.${suffix}`);
  // A single label is completed by the search list of whoever resolves it.
  return !name.includes(".") || innerSuffixes.some(isUnder) || wildcardNames.some(isUnder) || embedsInnerAddress(name);
}

/** `10-0-0-1.example.com` or `169.254.169.254.example.com`: a wildcard DNS that nobody has listed yet. */
function embedsInnerAddress(name: string): boolean {
  const found = name.matchAll(/(?<![\d])(?=(\d{1,3})[.-](\d{1,3})[.-](\d{1,3})[.-](\d{1,3})(?!\d))/g);
  return [...found].some(([, ...octets]) => isInnerIpv4(octets.map(Number)));
}

function isInnerIpv4(octets: readonly number[]): boolean {
  const address = octets.join(".");
  return octets.every((octet) => octet <= 255) && !isPublicAddress(address);
}
