// A form as multipart/form-data: its parts in order, each framed as the HTML standard says.

/** What a form's fields may hold. A File has a name; what is in memory already has its bytes at hand. */
type Field = string | (Blob & { readonly name?: string; readonly held?: Uint8Array });

/** The body as texts and Blobs to be sent one after the other, and the media type that names the boundary. */
export interface Multipart {
  parts: (Uint8Array | Blob)[];
  type: string;
}

export function multipart(form: Iterable<[string, Field]>): Multipart {
  const boundary = `----trae-native-${crypto.randomUUID()}`;
  const parts: (Uint8Array | Blob)[] = [];
  let text = '';
  for (const [name, field] of form) {
    text += `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(withCrlf(name))}"`;
    if (typeof field === 'string') {
      text += `\r\n\r\n${withCrlf(field)}\r\n`;
      continue;
    }
    text += `; filename="${escaped(field.name ?? 'blob')}"\r\n`;
    text += `Content-Type: ${field.type || 'application/octet-stream'}\r\n\r\n`;
    parts.push(Buffer.from(text), field.held ?? field);
    text = '\r\n';
  }
  parts.push(Buffer.from(`${text}--${boundary}--\r\n`));
  return { parts, type: `multipart/form-data; boundary=${boundary}` };
}

/** A quote or a line break would end the name, and what follows could be a header. */
function escaped(name: string): string {
  return name.replace(/["\r\n]/g, (c) => ({ '"': '%22', '\r': '%0D', '\n': '%0A' })[c] as string);
}

function withCrlf(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n');
}
