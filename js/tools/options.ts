// What a run is asked for: what it could not do is refused before anything is sent.

import { type Options, requireObject, signalOf } from '../config.js';
import { kindOf, config as wrong } from '../errors.js';
import { CALL_OPTIONS, nearTo } from '../names.js';
import { type Tools, toolsOf } from './tool.js';

export interface Asked {
  tools: Tools;
  messages: object[];
  /** Answers of the model at most. */
  most: number;
  /** The other members of each body. */
  body: Options;
  /** Options of each call, but for their signal. */
  config: Options;
  signals: AbortSignal[];
}

/** Answers of the model at most; a loop that goes wrong must not cost a fortune. */
const TURNS = 10;
const OURS = ['tools', 'messages', 'maxTurns', 'signal', 'config'];

export function askedOf(options: unknown, ofClient: AbortSignal | undefined): Asked {
  requireObject(options, 'the options of runTools()');
  const { tools, messages, maxTurns = TURNS, signal, config = {}, ...body } = options as Options;
  if (!Array.isArray(messages) || messages.length === 0)
    throw wrong(`runTools() needs \`messages\`, a list of one or more, got ${kindOf(messages)}`);
  if (!(Number.isInteger(maxTurns) && maxTurns > 0))
    throw wrong(`\`maxTurns\` of runTools() is a whole number of 1 or more, got ${kindOf(maxTurns)}`);
  requireBody(body);
  requireObject(config, '`config` of runTools()');
  const { signal: other, ...rest } = config as Options;
  const own = [signalOf(signal), signalOf(other)];
  // As for any call: the client's is for those that have none of their own.
  const signals = (own.some(Boolean) ? own : [ofClient]).filter((one) => one !== undefined);
  return { tools: toolsOf(tools), messages: [...messages], most: maxTurns, body, config: rest, signals };
}

/** The API may have members that nobody here knows, so that only those are refused which are meant for us. */
function requireBody(body: Options): void {
  if (body['stream'] !== undefined) throw wrong('runTools() always streams: it takes no `stream`');
  for (const name of Object.keys(body)) {
    if (body[name] === undefined) continue;
    if (CALL_OPTIONS.includes(name)) throw wrong(`\`${name}\` is an option of the calls: put it in \`config\``);
    const near = nearTo(name, OURS);
    if (near) throw wrong(`unknown option \`${name}\` of runTools(): did you mean \`${near}\`?`);
  }
}
