/**
 * The sink's own process: options in as one JSON argument, `{"port":…}` out as one line when it listens, and
 * afterwards one line of counts for each line that comes in: `counts`, or `reset`, which also begins anew.
 * It ends when its standard input does.
 *
 * By hand: `node bench/sink/main.ts '{"port":2526,"ledgerPath":"ledger"}'`
 */
import { createInterface } from 'node:readline';
import { systemClock } from '../../runtime/base/clock.ts';
import { stampOf } from '../load/message.ts';
import { SinkCounter } from './counts.ts';
import { LedgerFile } from './ledger-file.ts';
import type { SinkRule } from './rules.ts';
import { Sink } from './sink.ts';
import type { SinkMail } from './sink-session.ts';

export interface SinkProcessOptions {
  readonly port?: number;
  readonly rules?: readonly SinkRule[];
  readonly ledgerPath?: string;
  readonly syncs?: boolean;
}

const options = JSON.parse(process.argv[2] ?? '{}') as SinkProcessOptions;
const ledger =
  options.ledgerPath === undefined ? null : new LedgerFile(options.ledgerPath, { syncs: options.syncs === true });
let counter = new SinkCounter();

function take(mail: SinkMail): void {
  counter.count(stampOf(mail.header));
  ledger?.enter(mail, systemClock.nowMs());
}

const say = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const sink = await Sink.start({
  ...(options.port === undefined ? {} : { port: options.port }),
  rules: options.rules ?? [],
  onMail: take,
});
say({ port: sink.port });
const input = createInterface({ input: process.stdin });
input.on('line', (word) => {
  say(counter.counts);
  if (word === 'reset') counter = new SinkCounter();
});
input.once('close', () => {
  ledger?.close();
  void sink.close();
});
