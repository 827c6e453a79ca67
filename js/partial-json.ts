// A JSON text that comes in pieces, as the value that it is so far. What a piece costs depends on its own length only:
// the value grows in place. Numbers, `true`, `false`, `null` and names appear when they are complete, texts as they come.

type Frame = { list: unknown[] } | { object: Record<string, unknown>; name: string };

const enum Expects {
  Value,
  ValueOrEnd,
  Name,
  NameOrEnd,
  Colon,
  CommaOrEnd,
  Nothing,
}

const BLANK = ' \t\n\r';
const ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', '/': '/' };

export class PartialJson {
  #root: unknown;
  readonly #frames: Frame[] = [];
  #expects: Expects = Expects.Value;
  /** The content of a text that has begun, or a number or word. */
  #text: string | undefined;
  #word = '';
  #escape = '';
  #broken = false;

  /** The value so far; nothing before its first sign. It is one object that grows. */
  get value(): unknown {
    return this.#root;
  }

  /** Takes the next piece in; what is no JSON, and all after it, adds nothing. */
  add(piece: string): unknown {
    let at = 0;
    while (at < piece.length && !this.#broken)
      at = this.#text === undefined ? this.#sign(piece, at) : this.#read(piece, at);
    if (this.#text !== undefined && this.#isValue) this.#place(this.#text);
    return this.#root;
  }

  get #isValue(): boolean {
    return this.#expects === Expects.Value || this.#expects === Expects.ValueOrEnd;
  }

  /** One sign outside of texts. */
  #sign(piece: string, at: number): number {
    const sign = piece[at] as string;
    const ends = BLANK.includes(sign) || ',]}'.includes(sign);
    if (this.#word !== '' && ends) this.#finishWord();
    if (this.#broken || BLANK.includes(sign)) return at + 1;
    const [open, last] = [this.#frames.length, this.#frames.at(-1)];
    if (this.#word !== '') this.#word += sign;
    else if (sign === '"') this.#begin();
    else if (sign === '{' && this.#isValue) this.#open({ object: {}, name: '' }, Expects.NameOrEnd);
    else if (sign === '[' && this.#isValue) this.#open({ list: [] }, Expects.ValueOrEnd);
    else if (sign === ':' && this.#expects === Expects.Colon) this.#expects = Expects.Value;
    else if (sign === ',' && this.#expects === Expects.CommaOrEnd && open > 0)
      this.#expects = last && 'list' in last ? Expects.Value : Expects.Name;
    else if (last && sign === ('list' in last ? ']' : '}')) this.#close(last);
    else if (this.#isValue && /[-0-9tfn]/.test(sign)) this.#word = sign;
    else this.#broken = true;
    return at + 1;
  }

  #begin(): void {
    if (this.#isValue || this.#expects === Expects.Name || this.#expects === Expects.NameOrEnd) this.#text = '';
    else this.#broken = true;
  }

  /** On within a text, to its end or that of the piece. */
  #read(piece: string, at: number): number {
    if (this.#escape !== '') return this.#escaped(piece, at);
    let end = at;
    while (end < piece.length && piece[end] !== '"' && piece[end] !== '\\') end++;
    this.#text += piece.slice(at, end);
    if (piece[end] === '\\') this.#escape = '\\';
    else if (piece[end] === '"') this.#finishText();
    return end + 1;
  }

  #escaped(piece: string, at: number): number {
    this.#escape += piece[at];
    const code = this.#escape;
    if (code[1] !== 'u') {
      const meant = ESCAPES[code[1] as string];
      if (meant === undefined) this.#broken = true;
      this.#text += meant ?? '';
    } else if (code.length === 6) {
      if (!/^[0-9a-f]{4}$/i.test(code.slice(2))) this.#broken = true;
      else this.#text += String.fromCharCode(Number.parseInt(code.slice(2), 16));
    } else return at + 1;
    this.#escape = '';
    return at + 1;
  }

  #finishText(): void {
    const text = this.#text as string;
    this.#text = undefined;
    if (this.#isValue) {
      this.#place(text);
      this.#finish();
      return;
    }
    (this.#frames.at(-1) as { name: string }).name = text;
    this.#expects = Expects.Colon;
  }

  #finishWord(): void {
    const word = this.#word;
    this.#word = '';
    try {
      this.#place(JSON.parse(word));
      this.#finish();
    } catch {
      this.#broken = true;
    }
  }

  #open(frame: Frame, expects: Expects): void {
    this.#place('list' in frame ? frame.list : frame.object);
    this.#frames.push(frame);
    this.#places = 0;
    this.#expects = expects;
  }

  #close(frame: Frame): void {
    const first = 'list' in frame ? Expects.ValueOrEnd : Expects.NameOrEnd;
    if (this.#expects !== Expects.CommaOrEnd && this.#expects !== first) {
      this.#broken = true;
      return;
    }
    this.#frames.pop();
    this.#finish();
  }

  /** A value is complete: in a list the next one gets a place of its own. */
  #finish(): void {
    this.#places = 0;
    this.#expects = this.#frames.length > 0 ? Expects.CommaOrEnd : Expects.Nothing;
  }

  /** How often the value that is being read was placed. */
  #places = 0;

  #place(value: unknown): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) this.#root = value;
    else if ('list' in frame) {
      if (this.#places++ === 0) frame.list.push(value);
      else frame.list[frame.list.length - 1] = value;
    } else if (frame.name === '__proto__')
      Object.defineProperty(frame.object, frame.name, { value, writable: true, enumerable: true, configurable: true });
    else frame.object[frame.name] = value;
  }
}
