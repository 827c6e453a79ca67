// What the page of the proxy shows of all calls: the figures as plots, and the last requests.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { createProxy } from 'trae-native/proxy';
import { ask, BAD_ANSWERS, drawn, ended, opened, textOf } from './helpers/browser.mts';
import { until } from './helpers/simulator.mts';
import { traffic } from './helpers/traffic.mts';

test('plots move with the figures, and stand still while they are paused', async (t) => {
  const { page } = (await opened(t)) ?? {};
  if (!page) return;
  await until(async () => (await page.locator('canvas').count()) === 6, 'all plots are there');
  const first = await drawn(page);
  await ask(page, 'Hi');
  const moved = async () => (await drawn(page)).every((plot, at) => plot !== first[at]);
  await until(moved, 'all plots have moved', 10_000);
  const pause = page.getByRole('button', { name: 'Pause' });
  await pause.click();
  assert.equal(await pause.getAttribute('aria-pressed'), 'true');
  const paused = await drawn(page);
  // The end of an answer renews the table, and so does each sample then: two more times, one was of a sample.
  const renewed = () =>
    page.evaluate(() => performance.getEntriesByName(`${location.origin}/-/requests?limit=100`).length);
  await ask(page, 'Once more');
  const before = await renewed();
  await until(async () => (await renewed()) > before + 1, 'a sample has come');
  assert.deepEqual(await drawn(page), paused);
  await pause.click();
  await until(async () => (await drawn(page)).every((plot, at) => plot !== paused[at]), 'they go on');
});

test('figures that break off are told, and come back by themselves', async (t) => {
  const { page, proxy, simulator } = (await opened(t, {}, {}, BAD_ANSWERS)) ?? {};
  if (!page || !proxy || !simulator) return;
  await page.locator('canvas').first().waitFor();
  await proxy.close();
  await page.getByText(/Trying again in \d+ s\./).waitFor();
  const again = await createProxy({ listen: new URL(proxy.url).host, upstream: { url: simulator.url, key: 'k' } });
  t.after(() => again.close());
  await until(async () => (await textOf(page.locator('#feed'))) === '', 'they are back', 20_000);
});

test('the last requests are told with their way, and shown by state', async (t) => {
  const { page, simulator } = (await opened(t, { retry: false }, {}, BAD_ANSWERS)) ?? {};
  if (!page || !simulator) return;
  simulator.reply([{ text: 'Good', paceMs: 2 }, { status: 400 }]);
  await ask(page, 'One');
  await ask(page, 'Two');
  const rows = page.locator('#rows tr:not(.below)');
  await until(async () => (await rows.count()) === 2, 'both stand in the table');
  assert.match(await textOf(rows.first()), /claude-sonnet-5[\s\S]*400/);
  assert.match((await rows.last().locator('svg').getAttribute('aria-label')) ?? '', /first byte .*stream /);
  await page.getByRole('radio', { name: /^done/ }).check();
  assert.equal(await rows.count(), 1);
  await rows.getByRole('button').click();
  assert.match(await textOf(page.locator('.details')), /POST \/v1\/messages[\s\S]*page\.bodies/);
  await page.getByRole('radio', { name: /^dropped/ }).check();
  assert.equal(await textOf(page.locator('#none')), 'None is dropped.');
});

const wanted = process.env['TRAE_SCREENSHOT'];
test('a picture is taken for who wants one', { skip: wanted === undefined }, async (t) => {
  const { page, proxy, simulator } =
    (await opened(t, { retry: false }, { viewport: { width: 1440, height: 900 } }, /^$/)) ?? {};
  if (!page || !proxy || !simulator || !wanted) return;
  await traffic(proxy.url, simulator, 60_000, 20);
  await ask(page, 'What does a cache in front of a model keep?');
  await page.getByRole('button', { name: 'Repeat the last request' }).click();
  await ended(page, 1);
  const passing = traffic(proxy.url, simulator, 6000, 300);
  const shown = page.locator('#rows tr:nth-child(-n + 20)');
  const isMixed = async () =>
    (await shown.locator('.miss').count()) > 3 && (await page.locator('#rows tr.active').count()) > 1;
  await until(isMixed, 'the table shows calls of all kinds', 6000);
  mkdirSync(dirname(wanted), { recursive: true });
  await page.screenshot({ path: wanted });
  await passing;
});
