/** What answers and events are: validate() and mapEvents(). */

import type { Hooks, NativeMiddleware } from '../index.js';
import type { MessageEvent } from './messages.js';

/** A schema of zod, valibot, arktype or any other library that speaks Standard Schema (standardschema.dev). */
export interface Schema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly ValidationIssue[] };

/** What a schema found wrong, and where; libraries add fields of their own. */
export interface ValidationIssue {
  /** In the words of the schema's library: it may quote what it found. */
  readonly message: string;
  /** The place, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

declare const answers: unique symbol;

/** Answers have this type where it stands: `use()` gives a client that knows, `middlewares` of a call an answer. */
export interface AnswerMiddleware<T> {
  readonly [answers]: T;
}

declare const events: unique symbol;

/** Events have this type where it stands: `use()` gives a client that knows. */
export interface EventMiddleware<E> {
  readonly [events]: E;
}

export type ReadyMiddleware = Hooks | NativeMiddleware | AnswerMiddleware<unknown> | EventMiddleware<unknown>;

/**
 * Holds answers to a schema, whose output takes the place of `res.data`; what is not so is a ValidationError.
 * `answer`, the default: whole answers, and of a Messages stream the message that it makes, when it is complete.
 * `event`: each event of a stream, which the schema's output replaces; whole answers pass by.
 */
export declare function validate<T>(schema: Schema<T>, options?: { on?: 'answer' }): AnswerMiddleware<T>;

export declare function validate<E>(schema: Schema<E>, options: { on: 'event' }): EventMiddleware<E>;

/** What a function of `mapEvents()` gives: an event, several, none (`null`), or nothing for the same one. */
export type MappedEvent<E, R> =
  Awaited<R> extends infer A
    ? A extends readonly (infer I)[]
      ? I
      : A extends null
        ? never
        : A extends void
          ? E
          : A
    : never;

/**
 * Makes other events of those of a stream, batch by batch; whole answers pass by. The function may return another
 * event, a list that takes its place, `null` to drop it, nothing to leave it as it is, or a promise of these.
 */
export declare function mapEvents<E = MessageEvent, R = unknown>(
  change: (event: E) => R,
): EventMiddleware<MappedEvent<E, R>>;

/** What the client has already stands further out, and has the last word. */
export type Outermost<D, T> = unknown extends D ? T : D;

// biome-ignore lint/complexity/noUselessEmptyExport: without it the unique symbols would leave this page too.
export {};
