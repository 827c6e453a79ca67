// Node's streams, loaded when they are first needed: most services never do, and it is a tenth of the import.

export function nodeStream(): typeof import('node:stream') {
  return require('node:stream');
}
