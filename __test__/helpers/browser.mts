// A real browser that looks at the page of a proxy, for one test. Where there is none a test says that it is skipped;
// with `CI` set it fails.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';
import { createProxy, type ProxyOptions, type ProxyServer } from 'trae-native/proxy';
import { createSimulator, type Simulator } from 'trae-native/simulator';
import { until } from './simulator.mts';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Chromium writes each answer of 4xx and 5xx on the console, and each connection that breaks. */
export const BAD_ANSWERS = /Failed to load resource|net::ERR_/;

let browser: Promise<Browser> | undefined;
after(async () => (await browser?.catch(() => undefined))?.close());

/** Of a distribution, or else Chrome wherever its installer puts it. */
async function launch(): Promise<Browser> {
  const places = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'chromium'));
  const executablePath = places.find((place) => existsSync(place));
  return chromium.launch({ args: FLAGS, ...(executablePath ? { executablePath } : { channel: 'chrome' }) });
}

/** Says so where there is none. */
async function installed(t: TestContext): Promise<Browser | undefined> {
  browser ??= launch();
  try {
    return await browser;
  } catch (error) {
    if (process.env['CI']) throw new Error('chromium does not start, and CI is set', { cause: error });
    t.skip('there is no chromium');
    return undefined;
  }
}

export interface Opened {
  page: Page;
  proxy: ProxyServer;
  simulator: Simulator;
}

/**
 * The page of a proxy before a simulator, as a browser shows it. When the test is over, it must have kept to its own
 * origin and its policy, and have had nothing to complain of but what `forgiven` lets pass.
 */
export async function opened(
  t: TestContext,
  options: ProxyOptions = {},
  context: BrowserContextOptions = {},
  forgiven = /^$/,
): Promise<Opened | undefined> {
  const browser = await installed(t);
  if (!browser) return undefined;
  const simulator = await createSimulator();
  const upstream = { url: simulator.url, key: 'k' };
  const proxy = await createProxy({ listen: '127.0.0.1:0', upstream, page: true, logger: false, ...options });
  const looks = await browser.newContext(context);
  const page = await looks.newPage();
  const faults = watched(page, proxy.url);
  t.after(async () => {
    await looks.close();
    await proxy.close();
    await simulator.close();
    assert.deepEqual(
      faults.filter((fault) => !forgiven.test(fault)),
      [],
    );
  });
  await page.goto(proxy.url);
  await page.locator('#about b').first().waitFor();
  return { page, proxy, simulator };
}

/** What a page must not do. */
function watched(page: Page, url: string): string[] {
  const faults: string[] = [];
  // A breach of the policy is an error on the console, too.
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`thrown: ${error.stack}`));
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (origin !== new URL(url).origin && protocol !== 'data:') faults.push(`asked elsewhere: ${request.url()}`);
  });
  return faults;
}

/** Asks as somebody does who types; resolves when the answer is there. */
export async function ask(page: Page, question: string): Promise<Locator> {
  const before = await page.locator('.answer').count();
  await page.locator('#prompt').fill(question);
  await page.keyboard.press('Control+Enter');
  return ended(page, before);
}

/** The answer with this number, when it has ended. */
export async function ended(page: Page, number: number): Promise<Locator> {
  const answer = page.locator('.answer').nth(number);
  await until(async () => (await answer.getAttribute('aria-busy')) === 'false', `answer ${number} has ended`, 20_000);
  return answer;
}

export const textOf = async (locator: Locator): Promise<string> => (await locator.textContent()) ?? '';

/** All that the plots show. */
export const drawn = (page: Page): Promise<string[]> =>
  page.locator('canvas').evaluateAll((all) => all.map((canvas) => (canvas as HTMLCanvasElement).toDataURL()));

/** Goes on with a key until what has the focus is this. */
export async function goTo(page: Page, selector: string, key = 'Tab'): Promise<void> {
  const isThere = () => page.evaluate((selector) => document.activeElement?.matches(selector) ?? false, selector);
  for (let presses = 0; !(await isThere()); presses++) {
    assert.ok(presses < 100, `${key} does not reach ${selector}`);
    await page.keyboard.press(key);
  }
}
