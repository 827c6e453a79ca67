/** Credentials of calls: auth() and jwt(); docs/middlewares/auth.md, docs/middlewares/jwt.md. */

import type { NativeMiddleware } from '../index.js';

/** How long a credential is kept, and where it goes; docs/middlewares/auth.md. Times are in milliseconds. */
export interface CredentialOptions {
  /** In which header: `x-api-key`, or `bearer` for `authorization: Bearer …`. `auth()` defaults to the first, `jwt()` to the second. */
  scheme?: 'x-api-key' | 'bearer';
  /** Another header, for the bare credential, in place of `scheme`. */
  header?: string;
}

/** A middleware that keeps a credential. */
export interface CredentialMiddleware extends NativeMiddleware {
  /** Throws away what it keeps: the next call gets another. */
  invalidate(): void;
}

/** Gives a credential when one is needed. What it throws is the cause of the CredentialError of those who waited. */
export type CredentialProvider = (ask: {
  /** There is none yet, the one there is expires, or the server refused it with a 401. */
  reason: 'missing' | 'expiring' | 'refused';
  /** Aborted once nobody waits for the answer. */
  readonly signal: AbortSignal;
}) => ProvidedCredential | Promise<ProvidedCredential>;

/**
 * A key or token; one that expires says when, as a date or milliseconds since 1970, or how long it lives. One that has
 * expired already is refused.
 */
export type ProvidedCredential = string | { token: string; expiresAt?: Date | number; lifetimeMs?: number };

/** Options of `auth()` for a provider. Times are in milliseconds. */
export interface ProviderOptions extends CredentialOptions {
  /** Gives the credential; not together with `value`. */
  provider: CredentialProvider;
  /** How long the provider may take; 0 for as long as it likes. @default 10000 */
  timeout?: number;
  /** How long a credential is kept whose provider does not say; 0 for until it is refused. @default 0 */
  ttl?: number;
  /** Before its end from which on it is replaced in the background. @default 120000 */
  refreshAhead?: number;
  /** Before its end from which on calls wait for the next one. @default 30000 */
  waitAhead?: number;
  /** By how much of itself `refreshAhead` is lengthened at random, from 0 to 1. @default 0.5 */
  jitter?: number;
}

/** A key or token, or a provider of them. */
export type AuthOptions =
  | (ProviderOptions & { value?: undefined })
  | (CredentialOptions & { value: string; provider?: undefined });

/** Sends calls with a key or a token, to the client's own origin and nowhere else. */
export declare function auth(options: AuthOptions): CredentialMiddleware;

/** A token got from a token endpoint: RFC 7523 or RFC 8693. */
export interface TokenExchange {
  /** `https`, or a port of this machine. */
  url: string;
  /** @default 'jwt-bearer' */
  grant?: 'jwt-bearer' | 'token-exchange';
  /** `scope` of the form. */
  scope?: string;
  /** `audience` of the form; a list repeats it. */
  audience?: string | readonly string[];
  /** `resource` of the form; a list repeats it. */
  resource?: string | readonly string[];
  /** `subject_token_type` of the form, for `token-exchange`. */
  subjectTokenType?: string;
  /** `requested_token_type` of the form, for `token-exchange`. */
  requestedTokenType?: string;
  /** More fields of the form, as `client_id` and `client_secret`. */
  params?: Record<string, string>;
  /** More headers of the request for a token. */
  headers?: Record<string, string>;
  /** For one try with its body; 0 for none. @default 10000 */
  timeout?: number;
  /** Tries after the first. @default 2 */
  maxRetries?: number;
}

/** Options of `jwt()`; docs/middlewares/jwt.md has all of them with their defaults. Times are in milliseconds. */
export interface JwtOptions extends CredentialOptions {
  /** How it is signed; to be said whenever `key` is. */
  algorithm?: 'HS256' | 'RS256' | 'ES256' | 'EdDSA';
  /** A shared secret of 32 bytes or more for HS256, otherwise a private key in PEM form. */
  key?: string;
  /** `kid` */
  keyId?: string;
  /** What the token says; `iat` and `exp` are written for you, `nbf` and `jti` where they are `true`. */
  claims?: Record<string, unknown>;
  /** From `iat` to `exp`. @default 300000 */
  lifetime?: number;
  /** By how much `iat` is put back. @default 5000 */
  clockSkew?: number;
  /** A signed statement that you have, for an exchange, in place of `key`. */
  assertion?: string;
  /** A file that holds it, read anew for each exchange. */
  assertionFile?: string;
  /** Before its end from which on it is replaced in the background. @default 120000 */
  refreshAhead?: number;
  /** Before its end from which on calls wait for the next one. @default 30000 */
  waitAhead?: number;
  /** By how much of itself `refreshAhead` is lengthened at random. @default 0.5 */
  jitter?: number;
  /** Where what is signed, or `assertion`, is exchanged for the token that calls are sent with. */
  exchange?: TokenExchange;
}

/** Sends calls with a token that is signed here, or got from a token endpoint for something signed. */
export declare function jwt(options: JwtOptions): CredentialMiddleware;
