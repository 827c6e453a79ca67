/*
 * The proxy of peers/undici.mjs: `node undici_proxy.mjs <upstream> <processes>`, prints {"url"} when it listens.
 *
 * Written to be as fast as Node allows without leaving public interfaces: `pool.dispatch`, so that no stream object
 * stands between the two sockets (measured: 59 µs a request, `pool.request` with a pipe 79, `pool.stream` 92), bytes
 * passed on as they come, back pressure in both directions.
 */
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { Pool } from 'undici';

const [, , upstream, processes] = process.argv;
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'host',
  'expect',
]);

/** Raw name, value, name, value … without what is between two neighbours only. */
function endToEnd(raw) {
  const kept = [];
  for (let i = 0; i < raw.length; i += 2)
    if (!HOP_BY_HOP.has(String(raw[i]).toLowerCase())) kept.push(raw[i], raw[i + 1]);
  return kept;
}

/** Writes what comes on to the response that waits for it. */
class PassOn {
  constructor(res) {
    this.res = res;
  }
  onRequestStart(controller) {
    this.controller = controller;
    this.res.on('drain', () => controller.resume());
    this.res.once('close', () => this.res.writableFinished || controller.abort(new Error('the client left')));
  }
  onResponseStart(_controller, status, headers) {
    for (const name of Object.keys(headers)) if (HOP_BY_HOP.has(name)) delete headers[name];
    this.res.writeHead(status, headers);
  }
  onResponseData(controller, chunk) {
    if (!this.res.write(chunk)) controller.pause();
  }
  onResponseEnd() {
    this.res.end();
  }
  onResponseError() {
    if (!this.res.headersSent) this.res.writeHead(502);
    this.res.end();
  }
}

function serve() {
  const pool = new Pool(upstream, { connections: null, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  const server = createServer((req, res) => {
    const headers = endToEnd(req.rawHeaders);
    pool.dispatch({ method: req.method, path: req.url, headers, body: req }, new PassOn(res));
  });
  server.keepAliveTimeout = 300_000;
  server.listen(0, '127.0.0.1', 4096, () => say(server.address().port));
  process.once('SIGTERM', () => process.exit(0));
}

const say = (port) =>
  cluster.isPrimary
    ? process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`)
    : process.send({ port });

function serveWithWorkers(count) {
  const ports = Array.from({ length: count }, () => new Promise((resolve) => cluster.fork().once('message', resolve)));
  Promise.all(ports).then(([{ port }]) => say(port));
  process.once('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGKILL');
    process.exit(0);
  });
}

if (cluster.isPrimary && processes !== '1') serveWithWorkers(Number(processes));
else serve();
