// Installs the peers of npm and PyPI beside this benchmark; what Debian packages is only named.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REQUIREMENT, VENV } from '../peers/litellm.mjs';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));
const run = (command, args) => execFileSync(command, args, { cwd: FOLDER, stdio: ['ignore', 'ignore', 'inherit'] });

export function install(progress) {
  progress('npm: undici and the gateway of Portkey');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  progress(`PyPI: ${REQUIREMENT}, some 750 MB`);
  if (!existsSync(VENV)) run('python3', ['-m', 'venv', VENV]);
  run(join(VENV, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', REQUIREMENT]);
}
