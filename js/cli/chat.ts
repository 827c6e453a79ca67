// `trae-native chat`: a conversation in a terminal, or line by line through a pipe.

import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { type Client, claude, type Session, type TraeError } from 'trae-native';
import { createSimulator } from 'trae-native/simulator';
import { address, count, flags } from './flags.js';
import { Kept, Overtaken } from './kept.js';
import { type Fault, remedy } from './remedies.js';
import { type Paint, paint, rounded, took } from './terminal.js';

const HELP = `Usage: trae-native chat [options]

Each line is a turn. /new forgets the conversation, /exit leaves, Ctrl-C ends
an answer. Ends with 1 where the last answer failed or could not be kept.

  --model <name>       default claude-sonnet-5
  --system <text>      system prompt
  --max-tokens <n>     longest answer (default 4096)
  --session <file>     keep the conversation in this file, and go on from it
  --base-url <url>     default ANTHROPIC_BASE_URL or https://api.anthropic.com
  --simulate           talk to the simulator: no key is needed
  --json               a JSON object for each answer instead of text
  --help               this text
`;

const FLAGS = {
  model: { type: 'string' },
  system: { type: 'string' },
  'max-tokens': { type: 'string' },
  session: { type: 'string' },
  'base-url': { type: 'string' },
  simulate: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

const COMMANDS = '/new forgets the conversation, /exit leaves';

/** What is typed as a command: a path, such as `/etc/hosts`, is none. */
const COMMAND = /^\/[\w-]*(?=\s|$)/;

/** What an answer took. */
interface Figures {
  firstMs: number | null;
  totalMs: number;
  input: number | undefined;
  output: number | undefined;
}

export async function chat(args: string[]): Promise<number> {
  const given = flags(args, FLAGS);
  if (given.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const maxTokens = count('max-tokens', given['max-tokens'], 1_000_000, 1);
  const base = address('base-url', given['base-url']);
  const kept = given.session === undefined ? undefined : new Kept(given.session);
  const simulator = given.simulate ? await createSimulator() : undefined;
  const baseURL = simulator?.url ?? base;
  const client = claude({
    ...(baseURL !== undefined && { baseURL }),
    ...(simulator && { apiKey: 'simulated', proxy: false }),
    logger: false,
  });
  try {
    const { model = 'claude-sonnet-5', system } = given;
    const talk = new Talk(
      client,
      { model, ...(system !== undefined && { system }), ...(maxTokens && { maxTokens }) },
      kept,
    );
    return await talk.run(given.json === true);
  } finally {
    await client.close();
    await simulator?.close();
  }
}

class Talk {
  readonly #client: Client;
  readonly #options: object;
  readonly #kept: Kept | undefined;
  readonly #paint: Paint = paint(process.stdout);
  #session: Session;
  #answering: AbortController | undefined;

  constructor(client: Client, options: object, kept: Kept | undefined) {
    this.#client = client;
    this.#options = options;
    this.#kept = kept;
    this.#session = this.#fresh();
  }

  /** Ends with 1 where the last answer was a failure: a script wants to know. */
  async run(json: boolean): Promise<number> {
    await this.#goOn(this.#kept);
    const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true && !json;
    const prompt = terminal ? this.#paint.cyan('> ') : '';
    const lines = createInterface({ input: process.stdin, output: process.stdout, terminal, prompt });
    lines.on('SIGINT', () => (this.#answering ? this.#answering.abort(new Error('enough')) : lines.close()));
    let code = 0;
    if (terminal) lines.prompt();
    for await (const line of lines) {
      const text = line.trim();
      if (text === '/exit') break;
      if (text === '/new') this.#session = await this.#forget();
      else if (COMMAND.test(text)) code = this.#refuse(text, json);
      else if (text !== '') code = await this.#turn(text, json);
      if (terminal) lines.prompt();
    }
    lines.close();
    return code;
  }

  async #goOn(kept: Kept | undefined): Promise<void> {
    if (kept?.exported === undefined) return;
    await this.#session.import(kept.exported).catch((error: unknown) => {
      throw kept.wrong(error);
    });
  }

  #fresh(): Session {
    return this.#client.session(randomUUID(), this.#options);
  }

  async #forget(): Promise<Session> {
    const session = this.#fresh();
    this.#kept?.save(await session.export());
    return session;
  }

  /** A command that is misspelt is no turn: it would be sent, and paid for. */
  #refuse(text: string, json: boolean): number {
    this.#tell({ message: `there is no command ${JSON.stringify(text.slice(0, 60))}: ${COMMANDS}` }, json);
    return 2;
  }

  async #turn(text: string, json: boolean): Promise<number> {
    this.#answering = new AbortController();
    const waiting = process.stdout.isTTY && !json ? ticking(this.#paint) : () => {};
    try {
      const stream = await this.#session.stream(text, { signal: this.#answering.signal });
      let answer = '';
      for await (const piece of stream.text()) {
        waiting();
        answer += piece;
        if (!json) process.stdout.write(piece);
      }
      const { timing, requestId } = stream.response;
      const { input_tokens: input, output_tokens: output } = stream.usage ?? {};
      const figures = { firstMs: timing.firstEventMs, totalMs: timing.totalMs ?? 0, input: input ?? undefined, output };
      const said = { text: answer, requestId, ...figures, ...inJson(figures) };
      process.stdout.write(json ? `${JSON.stringify(said)}\n` : `\n${this.#paint.dim(inWords(figures))}\n`);
      this.#kept?.save(await this.#session.export());
      return 0;
    } catch (error) {
      if (error instanceof Overtaken) throw error;
      this.#tell(error as TraeError, json);
      return 1;
    } finally {
      waiting();
      this.#answering = undefined;
    }
  }

  #tell({ code = '', message, status }: Partial<Fault> & { message: string }, json: boolean): void {
    if (json) {
      process.stdout.write(`${JSON.stringify({ error: { ...(code && { code }), message, status } })}\n`);
      return;
    }
    const mend = code === 'ABORTED' ? undefined : remedy({ code, message, status });
    const { red, yellow } = paint(process.stderr);
    process.stderr.write(`\n${red(message)}\n${mend ? `${yellow(mend)}\n` : ''}`);
  }
}

/** Says how long there has been no answer, until it is told to stop. */
function ticking({ dim }: Paint): () => void {
  const started = performance.now();
  const show = (text: string) => process.stdout.write(`\r\x1b[K${text}`);
  const timer = setInterval(() => show(dim(`… ${took(performance.now() - started)}`)), 100);
  let ticks = true;
  return () => {
    if (ticks) show('');
    ticks = false;
    clearInterval(timer);
  };
}

function inWords({ firstMs, totalMs, input, output }: Figures): string {
  const writing = totalMs - (firstMs ?? 0);
  const rate = output && writing > 0 ? `, ${Math.round((output * 1000) / writing)} tokens/s` : '';
  const first = firstMs === null ? '' : `first after ${took(firstMs)}, `;
  return `[${first}${took(totalMs)}${rate}; ${input ?? '?'} tokens in, ${output ?? '?'} out]`;
}

function inJson({ firstMs, totalMs }: Figures): Pick<Figures, 'firstMs' | 'totalMs'> {
  return { firstMs: firstMs === null ? null : rounded(firstMs), totalMs: rounded(totalMs) };
}
