// Debian's nginx as a plain reverse proxy: no cache, no log, no buffering, connections to the upstream kept.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endChild, freePort, listening, startChild } from '../harness/child.mjs';
import { cores, family } from '../harness/proc.mjs';

const asked = () => spawnSync('nginx', ['-v'], { encoding: 'utf8' });

export const missing = () => (asked().error ? 'apt-get install nginx-light' : undefined);

export async function start({ upstream, folder, options }) {
  const port = await freePort();
  const prefix = join(folder, `nginx-${port}`);
  mkdirSync(prefix);
  const workers = Number(options.variant ?? cores);
  writeFileSync(join(prefix, 'nginx.conf'), config({ port, workers, host: new URL(upstream).host }));
  const child = startChild('nginx', ['-p', prefix, '-c', 'nginx.conf', '-e', 'stderr']);
  await listening(child, port, 5_000);
  const version = `${asked().stderr.trim().split('/').at(-1)}, ${workers} worker${workers > 1 ? 's' : ''}`;
  return { url: `http://127.0.0.1:${port}`, headers: {}, pids: family(child.pid), version, end: () => endChild(child) };
}

/** `keepalive_requests`: by default a connection is closed after a thousand requests, which a load test would count. */
const config = ({ port, workers, host }) => `
daemon off;
worker_processes ${workers};
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log stderr error;
events { worker_connections 10000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream api { server ${host}; keepalive 4096; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 300s;
    }
  }
}
`;
