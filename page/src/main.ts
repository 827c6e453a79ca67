// The page of the proxy: a playground, the figures, and the last requests.

import type { About } from './contract.js';
import { fill, find, make, say } from './dom.js';
import { asFailure } from './failure.js';
import { Figures } from './figures/index.js';
import { duration } from './format.js';
import { Playground } from './playground/index.js';
import { askAbout } from './proxy.js';
import { Requests } from './requests/index.js';

let about: About | undefined;

const requests = new Requests(
  () => about?.bodies ?? false,
  (models) => playground.settings.suggest(models),
);
const playground = new Playground(() => void requests.renew());
const figures = new Figures((sample) => requests.came(sample));

void requests.renew();
figures.begin();
try {
  about = await askAbout();
  playground.told(about);
  introduce(about);
} catch (error) {
  const notice = find('notice', HTMLElement);
  say(notice, asFailure(error).message);
  notice.hidden = false;
}

function introduce({ version, upstream, anonymous, caller, cache }: About): void {
  const facts = [
    ['version', version],
    ['upstream', new URL(upstream).host],
    ['cache', cache ? duration(cache.ttlMs) : 'off'],
    ['caller', caller ?? (anonymous ? 'anybody' : 'unknown')],
  ] as const;
  fill(find('about', HTMLElement), ...facts.map(([name, value]) => make('li', {}, `${name} `, make('b', {}, value))));
}
