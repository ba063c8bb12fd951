/**
 * The load generator's own process: options in as one JSON argument (or on stdin without one), one JSON object out on
 * stdout, and an exit code of 1 when any mail was not answered with 250.
 *
 * By hand: `node bench/load/main.ts '{"port":2525,"sessions":10,"sizeBytes":10240,"recipients":["ann@example.org"]}'`
 */
import { readFileSync } from 'node:fs';
import { type LoadOptions, runLoad } from './generator.ts';

const defaults = {
  host: '127.0.0.1',
  sessions: 1,
  sizeBytes: 10_240,
  mode: 'open',
  seconds: 4,
  warmupSeconds: 1,
  pick: 'round-robin',
} as const;

const given = JSON.parse(process.argv[2] ?? readFileSync(0, 'utf8')) as Partial<LoadOptions>;
if (given.port === undefined || given.recipients === undefined || given.recipients.length === 0) {
  process.stderr.write('the load generator needs at least "port" and "recipients"\n');
  process.exit(2);
}
const result = await runLoad({ ...defaults, ...given } as LoadOptions);
process.stdout.write(`${JSON.stringify(result)}\n`);
for (const text of result.failureTexts) process.stderr.write(`load: ${text}\n`);
process.exitCode = result.failures === 0 ? 0 : 1;
