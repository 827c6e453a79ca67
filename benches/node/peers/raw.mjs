// The floor in JavaScript: a bare socket, bytes made beforehand, JSON.parse and nothing else; no client, not a peer.
import net from 'node:net';
import tls from 'node:tls';

export const load = async () => {};

export async function open(setup) {
  const idle = [];
  const unaryBytes = requestBytes(setup, setup.body, 'keep-alive');
  const streamBytes = requestBytes(setup, setup.streamBody, 'close');
  return {
    unary: async () => {
      const socket = idle.pop() ?? (await connect(setup));
      const answer = await readAnswer(socket, unaryBytes);
      idle.push(socket);
      return answer.id;
    },
    stream: async (onEvent) => readStream(await connect(setup), streamBytes, onEvent),
  };
}

function requestBytes({ path, headers }, body, connection) {
  const text = JSON.stringify(body);
  const lines = Object.entries({ host: 'localhost', ...headers, connection, 'content-length': text.length });
  return `POST ${path} HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${text}`;
}

function connect({ hostname, port, tls: secure }) {
  return new Promise((resolve, reject) => {
    const socket = (secure ? tls : net).connect({ host: hostname, port });
    socket.setNoDelay(true).setEncoding('latin1');
    socket.once(secure ? 'secureConnect' : 'connect', () => resolve(socket)).once('error', reject);
  });
}

/** One answer with a Content-Length; the next request may go out on the same socket. */
function readAnswer(socket, bytes) {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk) => {
      text += chunk;
      const end = text.indexOf('\r\n\r\n');
      const length = end < 0 ? NaN : Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (end >= 0 && Number.isNaN(length)) reject(new Error('no content-length'));
      if (!(text.length >= end + 4 + length)) return;
      socket.off('data', onData);
      resolve(JSON.parse(text.slice(end + 4)));
    };
    socket.on('data', onData);
    socket.write(bytes);
  });
}

/**
 * Events are found by their blank line and chunk sizes are skipped with the text before `data: `: right as long as the
 * server ends each chunk at the end of an event, which the simulator does at these sizes. The harness counts events.
 */
function readStream(socket, bytes, onEvent) {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
      let from = 0;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n', from)) {
        const data = text.indexOf('data: ', from);
        if (data >= 0 && data < end) onEvent(JSON.parse(text.slice(data + 6, end)));
        from = end + 2;
      }
      text = text.slice(from);
    });
    socket.once('close', resolve).once('error', reject);
    socket.write(bytes);
  });
}
