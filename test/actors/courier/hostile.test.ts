/** Servers that mean harm or are broken: bounded memory, an end in time, nobody else is held up. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { Behaviour, RemoteVerb } from '../../support/courier-remote.ts';
import { courierWorld, inTheEnd } from '../../support/courier-world.ts';
import { until } from '../../support/smtp-until.ts';

/** Writes for ever, as fast as it is read. */
function flood(text: string): (socket: Socket) => void {
  return (socket) => {
    const chunk = Buffer.alloc(64 * 1024, text);
    const more = (): void => {
      while (!socket.destroyed && socket.write(chunk)) if (socket.writableLength > 1_000_000) break;
    };
    socket.on('drain', more);
    more();
  };
}

/** A byte now and then, never a whole reply. */
function drip(text: string): (socket: Socket) => void {
  return (socket) => {
    let at = 0;
    const timer: NodeJS.Timeout = setInterval(() => {
      if (socket.destroyed) clearInterval(timer);
      else socket.write(text.charAt(at++ % text.length));
    }, 20);
    socket.once('close', () => clearInterval(timer));
  };
}

const attacks: Readonly<Record<string, Behaviour>> = {
  'a reply without an end': flood('250-more\r\n'),
  'replies that nobody asked for': flood('250 ok\r\n'),
  'a line without an end': flood('x'),
  'a code and then a line without an end': flood('250-x'),
  'a slow drip of a reply': drip('250-a\r\n'),
  'no SMTP at all': 'HTTP/1.1 400 Bad Request',
  'an impossible code': '999 what',
  'nothing but line ends': flood('\r\n'),
};

for (const verb of ['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', 'DOT'] as const satisfies readonly RemoteVerb[]) {
  for (const [what, behaviour] of Object.entries(attacks)) {
    void test(`${what} at ${verb}`, async (t) => {
      const { core, remote } = await courierWorld(t);
      await remote('bad.example', { [verb]: behaviour });
      const good = await remote('good.example');
      const bad = core.mail('bad.example', { to: 'bob@bad.example' });
      const other = core.mail('good.example', { to: 'bob@good.example' });
      await inTheEnd(() => core.resultOf(other)?.outcome === 'delivered');
      await inTheEnd(() => core.attemptOf(bad) !== undefined);
      const { outcome, text } = core.resultOf(bad)!;
      // Of a flood of good replies one is taken for the answer: the server's own fault. It never fails a mail for good.
      const allowed = verb === 'DOT' ? ['inDoubt', 'delivered'] : ['deferred', 'inDoubt', 'delivered'];
      assert.ok(allowed.includes(outcome), `${outcome} ${text}`);
      assert.ok(text.length <= 1_000 && !/\p{Cc}/u.test(text));
      assert.equal(good.mails.length, 1);
    });
  }
}

void test('a reply of 60 KB is cut, and its control characters are gone', async (t) => {
  const { core, remote } = await courierWorld(t);
  const line = `550-5.7.1 ${'\x1b[31mbad '.repeat(60)}`;
  await remote('there.example', { RCPT: `${Array.from({ length: 80 }, () => line).join('\r\n')}\r\n550 5.7.1 end` });
  const job = core.mail('there.example', { to: 'bob@there.example' });
  await until(() => core.attemptOf(job) !== undefined);
  const { outcome, enhanced, text } = core.resultOf(job)!;
  assert.deepEqual([outcome, enhanced], ['failed', '5.7.1']);
  assert.ok(text.length <= 300 && !/\p{Cc}/u.test(text));
});
