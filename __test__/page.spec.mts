// The page of the proxy as people use it, in a real Chromium. Each test also fails when the page breaks its policy,
// complains on the console or asks another origin: helpers/browser.mts. What it shows of others: page-figures.spec.mts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Simulator } from 'trae-native/simulator';
import { ask, BAD_ANSWERS, ended, goTo, opened, textOf } from './helpers/browser.mts';
import { until } from './helpers/simulator.mts';

/** What the API was asked. */
const sent = (simulator: Simulator, at: number): { system?: string; messages: { role: string }[] } =>
  JSON.parse(String(simulator.received[at]?.body));

test('an answer is streamed, and the same request again comes from the cache', async (t) => {
  const { page, simulator } = (await opened(t)) ?? {};
  if (!page || !simulator) return;
  simulator.reply({ text: 'Hello there' });
  const first = await ask(page, 'Hi');
  assert.equal(await textOf(first.locator('.text')), 'Answer: Hello there');
  assert.equal(await textOf(first.locator('.badge')), 'miss');
  assert.match(await textOf(first.locator('.facts')), /first event[\s\S]*tokens\/s[\s\S]*\d in, \d out[\s\S]*req_/);
  await page.getByRole('button', { name: 'Repeat the last request' }).click();
  const second = await ended(page, 1);
  assert.equal(await textOf(second.locator('.text')), 'Answer: Hello there');
  assert.equal(await textOf(second.locator('.badge')), 'hit');
  assert.match(await textOf(second.locator('.facts')), /\$0, saved \$0\.\d+/);
  assert.equal(simulator.received.length, 1);
});

test('text is shown as it comes, and a stop ends the transfer', async (t) => {
  const { page, simulator } = (await opened(t)) ?? {};
  if (!page || !simulator) return;
  simulator.reply({ text: 'One two three four five six', hangAfterEvents: 5 });
  await page.locator('#prompt').fill('Count');
  await page.keyboard.press('Control+Enter');
  await page.getByText('One two').waitFor();
  const answer = page.locator('.answer');
  assert.equal(await answer.getAttribute('aria-busy'), 'true');
  assert.equal(await page.locator('#send').getAttribute('aria-disabled'), 'true');
  await page.getByRole('button', { name: 'Stop' }).click();
  await ended(page, 0);
  assert.match(await textOf(answer), /One two[\s\S]*Stopped: not kept in the conversation/);
  await until(() => simulator.counters.aborted === 1, 'the API is not read any more');
  await ask(page, 'Again');
  assert.equal(sent(simulator, 1).messages.length, 1);
});

test('turns are kept in the page, or by a session on the server', async (t) => {
  const { page, simulator } = (await opened(t)) ?? {};
  if (!page || !simulator) return;
  const roles = (at: number) => sent(simulator, at).messages.map(({ role }) => role);
  await page.getByLabel('System prompt').fill('Be brief.');
  await ask(page, 'One');
  await ask(page, 'Two');
  assert.deepEqual(roles(1), ['user', 'assistant', 'user']);
  assert.equal(sent(simulator, 1).system, 'Be brief.');
  await page.getByLabel('Keep the turns on the server').check();
  assert.equal(await page.locator('.answer').count(), 0);
  const posted: string[] = [];
  page.on('request', (request) => posted.push(request.postData() ?? ''));
  await ask(page, 'Three');
  await ask(page, 'Four');
  assert.deepEqual(roles(3), ['user', 'assistant', 'user']);
  const turns = posted.filter(Boolean).map((body) => JSON.parse(body).messages.length);
  assert.deepEqual(turns, [1, 1]);
});

test('what went wrong is said in words, with the id of the request', async (t) => {
  const { page, simulator } = (await opened(t, { retry: false, circuitBreaker: false }, {}, BAD_ANSWERS)) ?? {};
  if (!page || !simulator) return;
  simulator.reply([
    { status: 529 },
    { errorAt: { index: 3, type: 'api_error', message: 'a cable was cut' }, events: 9 },
  ]);
  const refused = await ask(page, 'One');
  assert.match(await textOf(refused), /The API is overloaded \(529, overloaded_error\)[\s\S]*(req|prx)_\w+/);
  const broken = await ask(page, 'Two');
  assert.match(await textOf(broken), /The answer broke off \(api_error\): .*a cable was cut[\s\S]*(req|prx)_\w+/);
  await ask(page, 'Three');
  assert.equal(sent(simulator, 2).messages.length, 1);
});

test('what a model or an API writes stays text', async (t) => {
  const { page, simulator } = (await opened(t, { page: { bodies: true }, retry: false }, {}, BAD_ANSWERS)) ?? {};
  if (!page || !simulator) return;
  const evil = '<img src="/x" onerror="document.title=1"><script>document.title=2</script>';
  simulator.reply([
    { text: evil },
    { status: 400, body: { type: 'error', error: { type: 'invalid_request_error', message: evil } } },
  ]);
  const answer = await ask(page, evil);
  assert.equal(await textOf(answer.locator('.text')), `Answer: ${evil}`);
  assert.ok((await textOf(await ask(page, 'more'))).includes(evil));
  const rows = page.locator('#rows tr:not(.below)');
  await until(async () => (await rows.count()) === 2, 'both stand in the table');
  await rows.last().getByRole('button').click();
  await page.getByRole('button', { name: 'Show bodies' }).click();
  await until(async () => (await page.locator('pre').count()) === 2, 'the bodies are shown');
  assert.equal(JSON.parse(await textOf(page.locator('pre').first())).messages[0].content, evil);
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.equal(await page.title(), 'trae-native proxy');
});

test('everything is done by keyboard alone, and one sees where one is', async (t) => {
  const { page } = (await opened(t)) ?? {};
  if (!page) return;
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Skip to the message');
  await page.keyboard.press('Enter');
  await goTo(page, '#prompt');
  await page.keyboard.type('Hello');
  await page.keyboard.press('Control+Enter');
  await ended(page, 0);
  await goTo(page, '#repeat');
  await page.keyboard.press('Enter');
  assert.equal(await textOf((await ended(page, 1)).locator('.badge')), 'hit');
  await until(async () => (await page.locator('#rows tr:not(.below)').count()) === 2, 'both stand in the table');
  await goTo(page, '#states input');
  await goTo(page, '#rows button');
  await page.keyboard.press('Enter');
  await page.locator('.details').waitFor();
  await page.keyboard.press('ArrowDown');
  assert.match(
    (await page.evaluate(() => document.activeElement?.id || document.activeElement?.ariaLabel)) ?? '',
    /^Details of/,
  );
  await page.keyboard.press('ArrowUp');
  await goTo(page, '#on-server', 'Shift+Tab');
  await page.keyboard.press('Space');
  await goTo(page, '#session');
  for (let stops = 0; stops < 30; stops++) {
    await page.keyboard.press('Shift+Tab');
    const outline = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return 'none has it';
      // A choice is drawn by what stands beside it.
      return getComputedStyle(at.matches('[type=radio]') ? (at.nextElementSibling as Element) : at).outlineStyle;
    });
    assert.match(outline, /^(solid|auto|none has it)$/);
  }
});

test('the page obeys light and dark, and fits a narrow window', async (t) => {
  const { page } = (await opened(t, {}, { colorScheme: 'light' })) ?? {};
  if (!page) return;
  await page.locator('canvas').first().waitFor();
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.notEqual(await ground(), light);
  for (const width of [1440, 1024, 700, 360]) {
    await page.setViewportSize({ width, height: 800 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth <= 0), true, `${width}`);
  }
});

test('a browser signs in once, and the page is served under a strict policy', async (t) => {
  const callers = [{ name: 'operator', key: 'a-key-of-some-length', admin: true }];
  const context = { httpCredentials: { username: 'any', password: 'a-key-of-some-length' } };
  const { page, proxy } = (await opened(t, { callers }, context, /401/)) ?? {};
  if (!page || !proxy) return;
  assert.match(await textOf(page.locator('#about')), /caller operator/);
  assert.equal(await textOf((await ask(page, 'Hi')).locator('.badge')), 'miss');
  const answer = await page.reload();
  assert.match(answer?.headers()['content-security-policy'] ?? '', /default-src 'none'; script-src 'self'/);
});

test('whoever may not see something is told so', async (t) => {
  const { page } = (await opened(t, {}, {}, BAD_ANSWERS)) ?? {};
  if (!page) return;
  const body = { type: 'error', error: { type: 'permission_error', message: 'this is for admins' } };
  await page.route('**/-/*', (route) => route.fulfill({ status: 403, json: body }));
  await page.route('**/v1/messages', (route) =>
    route.fulfill({ status: 401, json: {}, headers: { 'x-request-id': 'prx_1' } }),
  );
  await page.reload();
  const words = 'This caller may not do that (403, permission_error): this is for admins';
  for (const place of ['#notice', '#none', '#feed'])
    await until(async () => (await textOf(page.locator(place))).startsWith(words), `${place} says so`);
  assert.match(
    await textOf(await ask(page, 'Hi')),
    /does not know this key: reload the page and sign in \(401\).*prx_1/,
  );
});
