/** What a package carries: emitted JavaScript that runs below node_modules. */
import { deepEqual, equal, match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ending, launch, linkPackages, root, tree } from './launch.ts';

void test('package: the emitted code names no source, and says its version', async (t) => {
  const command = tree(t, 'node_modules/ringpost', {});
  const home = dirname(dirname(command));
  execFileSync(join(root, '.ci/build'), [join(home, 'dist')], { stdio: 'pipe' });
  linkPackages(command);

  // An import or a worker entry that still ends in .ts would be missing there.
  const sources = /(?:from |import\(|new URL\()'\.[^']*\.ts'/;
  const emitted = globSync('dist/**/*.js', { cwd: home });
  deepEqual(
    emitted.filter((path) => sources.test(readFileSync(join(home, path), 'utf8'))),
    [],
  );

  const { code, out, errors } = await ending(launch(process.execPath, command, '--version'));
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  match(out, new RegExp(`\\b${version.replaceAll('.', '\\.')}\\b`), errors);
  equal(code, 0);
});
