// What to mend, by what went wrong: judgement alone, so that it can be read and tested as a table.

export interface Fault {
  code: string;
  status?: number | undefined;
  message: string;
}

const BY_STATUS: Record<number, string> = {
  400: 'the API did not understand the call: is `--model` one of its models?',
  401: 'the key is not accepted: is it whole, and of this API? Keys are made at the console of the API',
  403: 'the key may not do this: ask who manages the workspace',
  404: 'the API has no such path or model: is the base URL right, and `--model`?',
  413: 'something on the way takes no request of this size: a proxy?',
  429: 'the key has used up its limit: wait, or ask for more; rateLimit() holds a service below it',
  529: 'the API is overloaded: try again in a minute; retry() and fallback() do so by themselves',
};

const FAILING = 'the API, or a proxy in front of it, fails: try again in a minute, and look at its page of incidents';

const BY_CODE: Record<string, string> = {
  DNS: 'the host has no address here: is its name right, and does this machine have a name server? Behind a proxy set HTTPS_PROXY',
  CONNECTION_REFUSED: 'nobody listens there: is the port right, and is a firewall in between?',
  CONNECTION_RESET: 'the connection was broken off: often a firewall, or a proxy that wants to be asked (HTTPS_PROXY)',
  CONNECTION: 'the network is not there, or keeps this machine out',
  TLS: 'the certificate is not trusted: behind a proxy that opens TLS give its CA as NODE_EXTRA_CA_CERTS or `tls.ca`; is the clock right?',
  PROXY: 'the proxy refused: is its URL right (HTTPS_PROXY), with user and password? NO_PROXY goes by it',
  TIMEOUT: 'no answer came in time: a firewall that drops packets, or a proxy that must be used (HTTPS_PROXY)',
  PARSE: 'what answered does not speak as the API: is the base URL right, or a page of a proxy in between?',
  AUTHENTICATION: BY_STATUS[401] as string,
};

export function remedy({ code, status }: Fault): string | undefined {
  if (status === undefined) return BY_CODE[code];
  return BY_STATUS[status] ?? (status >= 500 ? FAILING : BY_CODE[code]);
}

/** What is wrong with a key as a text, never the key itself. */
export function keyFault(key: string): string | undefined {
  if (key.trim() !== key) return 'it has blanks or a line break around it';
  if (/[^\x21-\x7e]/.test(key)) return 'it has characters that no header may have';
  if (/^["'].*["']$/.test(key)) return 'it stands in quotes, which are not a part of it';
  return undefined;
}
