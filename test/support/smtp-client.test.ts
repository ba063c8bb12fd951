import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { expectReply, formatAnswer, ReplyParser } from './smtp-answers.ts';
import { SmtpClient } from './smtp-client.ts';
import { deliver, dotStuffed } from './smtp-delivery.ts';

/** A server that answers each line (or mail) with the next of `script`, and hangs up where it says `cut`. */
async function scripted(t: TestContext, ...script: readonly string[]): Promise<SmtpClient> {
  const answers = [...script];
  const say = (socket: Socket): void => {
    const next = answers.shift() ?? 'cut';
    if (next === 'cut') socket.destroy();
    else socket.write(next);
  };
  const server = createServer((socket) => {
    let isData = false;
    let input = '';
    say(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      input += chunk.toString('latin1');
      if (!input.endsWith(isData ? '\r\n.\r\n' : '\r\n')) return;
      isData = input === 'DATA\r\n';
      input = '';
      say(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new SmtpClient({ port: (server.address() as { port: number }).port });
  t.after(() => {
    client.hangUp();
    server.close();
  });
  return client;
}

const envelope = { from: 'a@x.example', to: ['b@y.example'] };
const mail = Buffer.from('Subject: x\r\n\r\nx\r\n');

void test('replies: lines in pieces become whole replies, in order', () => {
  const parser = new ReplyParser();
  deepEqual(parser.take(Buffer.from('250-first\r\n250 sec')), []);
  const [reply, next] = parser.take(Buffer.from('ond\r\n354 go\r\n4'));
  deepEqual([reply?.code, reply?.lines, next?.code, parser.rest], [250, ['first', 'second'], 354, '4']);
});

void test('delivery: 250 to the final dot is accepted, 451 is refused', async (t) => {
  const client = await scripted(
    t,
    '220 x\r\n',
    '250 x\r\n',
    ...['250 ok\r\n', '250 ok\r\n', '354 go\r\n', '250 kept\r\n'],
    ...['250 ok\r\n', '250 ok\r\n', '354 go\r\n', '451 not now\r\n'],
  );
  expectReply(await client.hello(), 250);
  equal((await deliver(client, envelope, mail)).outcome, 'accepted');
  equal((await deliver(client, envelope, mail)).outcome, 'refused');
  client.hangUp();
});

void test('delivery: a connection that ends after the final dot leaves it unknown, before it refused', async (t) => {
  const after = await scripted(t, '220 x\r\n', '250 x\r\n', '250 ok\r\n', '250 ok\r\n', '354 go\r\n', 'cut');
  await after.hello();
  equal((await deliver(after, envelope, mail)).outcome, 'unknown');
  const before = await scripted(t, '220 x\r\n', '250 x\r\n', '250 ok\r\n', '250 ok\r\n', 'cut');
  await before.hello();
  equal((await deliver(before, envelope, mail)).outcome, 'refused');
});

void test('delivery: half a reply is no reply', async (t) => {
  const client = await scripted(t, '220 x\r\n', '250 x\r\n', '250 ok\r\n', '250 ok\r\n', '354 go\r\n', '250 2.0.0 O');
  await client.hello();
  const delivery = deliver(client, envelope, mail);
  await client.writeAndDrain(Buffer.alloc(0));
  client.hangUp();
  const { answer, outcome } = await delivery;
  equal(outcome === 'unknown' || outcome === 'refused', true);
  match(formatAnswer(answer), /^no reply \(/);
});

void test('delivery: leading dots are doubled and nothing else is touched', () => {
  equal(dotStuffed(Buffer.from('.a\r\nb.\r\n..c\r\n.\r\n')).toString(), '..a\r\nb.\r\n...c\r\n..\r\n');
});

void test('client: an answer that was not expected is told in full', async (t) => {
  const client = await scripted(t, '554 5.3.2 no service\r\n');
  await rejects(async () => expectReply(await client.hello(), 250), /expected 250, got: 554 5\.3\.2 no service/);
});
