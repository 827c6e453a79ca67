// Compares with peers: see benches/node/run.mjs for what is measured and how it is kept honest.

import { join } from 'node:path';
import { root, run, setup } from './setup.mjs';

setup();
run(process.execPath, [join(root, 'benches/node/run.mjs'), ...process.argv.slice(2)]);
