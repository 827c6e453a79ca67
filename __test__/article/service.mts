// The article's service, as a team would keep it: its programs, with the import changed and a client to be given.
// Its types are the article's own; only what it leaves out (imports, a closing brace) is added.

import http from 'node:http';
import https from 'node:https';
import promClient from 'prom-client';
import type { Client } from 'trae-native';
import trae from 'trae-native';
import { z } from 'zod';

// 1. Configuration

interface ClaudeConfig {
  baseURL: string;
  timeout: number;
}

export function configured(): Client {
  const config: ClaudeConfig = {
    baseURL: process.env.CLAUDE_BASE_URL!,
    timeout: 30000,
  };
  return trae.create(config);
}

// 2. The JWT interceptor

type AuthToken = string;
const getAuthToken = async (): Promise<AuthToken> => {
  return `Bearer ${process.env.CLAUDE_API_KEY}`;
};

export function authenticate(claude: Client): void {
  claude.use(async (req) => {
    req.headers = {
      ...req.headers,
      Authorization: await getAuthToken(),
      'anthropic-version': '2023-06-01',
    };
    return req;
  });
}

// 3. Streaming

export const handleStream = async (claude: Client, prompt: string, onChunk: (chunk: Buffer) => void) => {
  const response = await claude.post('/complete', { prompt, stream: true }, { responseType: 'stream' });
  response.data.on('data', onChunk);
  return response;
};

// Retry with exponential backoff; the article's second is a parameter, so that a test need not wait for it.

export const retryMiddleware = (maxRetries = 3, second = 1000) => {
  return async (req: any, next: Function) => {
    let attempts = 0;
    const retry = async (): Promise<any> => {
      try {
        return await next();
      } catch (error) {
        if (attempts++ >= maxRetries) throw error;
        const delay = 2 ** attempts * second;
        await new Promise((res) => setTimeout(res, delay));
        return retry();
      }
    };
    return retry();
  };
};

// Logging

export const loggingMiddleware = (log: (line: string) => void) => {
  return async (req: { method: string; url: string }, next: Function) => {
    const start = Date.now();
    log(`[Request] ${req.method} ${req.url}`);
    try {
      const res = await next();
      log(`[Response] ${res.status} ${Date.now() - start}ms`);
      return res;
    } catch (error) {
      log(`[Error] ${(error as Error).message}`);
      throw error;
    }
  };
};

// Validation

const CompletionSchema = z.object({
  completion: z.string(),
  stop_reason: z.enum(['stop_sequence', 'max_tokens']),
  model: z.string(),
});
const validateResponse = (data: unknown) => {
  try {
    return CompletionSchema.parse(data);
  } catch (e) {
    throw new Error(`Response validation failed: ${e}`);
  }
};

export function validate(claude: Client): void {
  claude.after(async (res) => {
    if (!res.config?.skipValidation) {
      res.data = validateResponse(res.data);
    }
    return res;
  });
}

// The connection pool

export function pool(claude: Client): void {
  const agentConfig = { keepAlive: true, maxSockets: 100, maxFreeSockets: 10, timeout: 60000 };
  claude.config.httpAgent = new http.Agent(agentConfig);
  claude.config.httpsAgent = new https.Agent(agentConfig);
}

// Metrics

export function measure(claude: Client, registry: promClient.Registry): void {
  const requestDuration = new promClient.Histogram({
    name: 'claude_request_duration_seconds',
    help: 'Duration of Claude API requests',
    labelNames: ['method', 'status_code'],
    registers: [registry],
  });
  claude.use(async (req, next) => {
    const endTimer = requestDuration.startTimer();
    const res = await next();
    endTimer({ method: req.method, status_code: res.status });
    return res;
  });
}

// Redaction, on a copy: the article's own overwrites the header that is sent

export const redactMiddleware = (log: (line: string) => void) => {
  return async (req: any, next: Function) => {
    const shown = { ...req.headers };
    if (req.headers?.Authorization) {
      shown.authorization = '***REDACTED***';
    }
    log(JSON.stringify(shown));
    return next();
  };
};

// The caching proxy

export const cachingMiddleware = (ttl = 300000) => {
  const cache = new Map<string, { expire: number; data: any }>();
  return async (req: any, next: Function) => {
    const key = JSON.stringify({ url: req.url, body: req.data });
    if (cache.has(key)) {
      const entry = cache.get(key)!;
      if (entry.expire > Date.now()) {
        return entry.data;
      }
      cache.delete(key);
    }
    const res = await next();
    cache.set(key, { expire: Date.now() + ttl, data: res });
    return res;
  };
};
