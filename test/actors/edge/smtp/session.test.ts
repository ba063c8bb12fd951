/** What a session keeps to whatever its client does: order, halves, pieces, an end. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { expectReply, formatAnswer, isReply } from '../../../support/smtp-answers.ts';
import { SmtpWorld, type WorldOptions } from '../../../support/smtp-edge-world.ts';
import { until } from '../../../support/smtp-until.ts';

function story(title: string, tell: (world: SmtpWorld) => Promise<void>, options: WorldOptions = {}): void {
  void test(`session: ${title}`, async () => {
    const world = await SmtpWorld.start(options);
    try {
      await tell(world);
      assert.deepEqual(world.complaints, []);
    } finally {
      await world.stop();
    }
  });
}

const dialogue =
  'EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n';

/** All that the server says until it closes. */
function talk(
  port: number,
  write: (socket: ReturnType<typeof connect>) => void,
  allowHalfOpen = true,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen });
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    socket.once('error', reject).once('close', () => resolve(said));
    socket.once('end', () => socket.end());
    write(socket);
  });
}

const codes = (said: string): string[] =>
  said
    .split('\r\n')
    .filter((line) => /^\d{3} /.test(line))
    .map((line) => line.slice(0, 3));

story('a dialogue byte by byte is the same dialogue', async (world) => {
  const said = await talk(world.port, (socket) => {
    for (const byte of Buffer.from(dialogue)) socket.write(Buffer.of(byte));
  });
  assert.deepEqual(codes(said), ['220', '250', '250', '250', '354', '250', '221']);
  assert.deepEqual(world.bodies, ['Subject: x\r\n\r\n.\r\n']);
});

story('a client that closes its side behind the last command still gets its replies', async (world) => {
  const said = await talk(world.port, (socket) => socket.end(dialogue.replace('QUIT\r\n', '')));
  assert.deepEqual(codes(said), ['220', '250', '250', '250', '354', '250']);
  assert.equal(world.bodies.length, 1);
});

story('a last line without an end is no command', async (world) => {
  const said = await talk(world.port, (socket) => socket.end('EHLO c\r\nMAIL FROM:<a@b.example>\r\nQUIT'));
  assert.deepEqual(codes(said), ['220', '250', '250']);
});

story('a mail without its end is no mail', async (world) => {
  const said = await talk(world.port, (socket) => socket.end(dialogue.slice(0, dialogue.indexOf('..'))));
  assert.deepEqual(codes(said), ['220', '250', '250', '250', '354']);
  await until(() => world.edge.stats().sessions === 0);
  assert.deepEqual(world.bodies, []);
});

story(
  'a thousand pipelined recipients ask together and are answered in order',
  async (world) => {
    const client = await world.client();
    expectReply(await client.ask('MAIL FROM:<a@b.example>'), 250);
    const lines = Array.from(
      { length: 1000 },
      (_, i) => `RCPT TO:<${i % 10 === 9 ? `no${i}` : 'ann'}@example.org>\r\n`,
    );
    client.write(lines.join(''));
    for (let i = 0; i < 1000; i++) expectReply(await client.read(), i % 10 === 9 ? 550 : 250);
    assert.ok(isReply(await client.ask('NOOP'), 250));
  },
  { limits: { refusalsMax: 1000 } },
);

story('what is pipelined while the mail is committed waits for its turn', async (world) => {
  let open = (): void => {};
  world.core.gate = new Promise((resolve) => {
    open = resolve;
  });
  const client = await world.inData();
  client.write('.\r\nMAIL FROM:<b@b.example>\r\nRCPT TO:<bob@example.org>\r\nNOOP\r\n');
  await until(() => world.core.calls.includes('mailbox:m-ann'));
  assert.ok(!world.core.calls.includes('address:bob@example.org'));
  open();
  const said = [await client.read(), await client.read(), await client.read(), await client.read()].map(formatAnswer);
  assert.match(said[0] ?? '', /^250 2\.0\.0 Ok id=/);
  assert.deepEqual(said.slice(1), ['250 2.1.0 Ok', '250 2.1.5 Ok', '250 2.0.0 Ok']);
});

story('stop: idle sessions are let go, a mail that is coming in is finished', async (world) => {
  const idle = await world.client();
  const busy = await world.inData();
  const stopped = world.edge.stop(60_000);
  assert.equal(formatAnswer(await idle.read()), '421 4.3.2 Shutting down, try again');
  busy.write('Subject: last\r\n\r\n.\r\n');
  assert.match(formatAnswer(await busy.read()), /^250 2\.0\.0 Ok/);
  assert.equal(formatAnswer(await busy.read()), '421 4.3.2 Shutting down, try again');
  await stopped;
  assert.equal(world.bodies.length, 1);
  assert.equal((await world.connect().read()).kind, 'lost');
});

story('stop: what takes longer than the grace time is cut off, and nothing of it is kept', async (world) => {
  const slow = await world.inData();
  const stopped = world.edge.stop(5000);
  slow.write('Subject: too late\r\n');
  await until(() => world.edge.stats().dataBytes > 0);
  world.clock.advance(5001);
  assert.equal(formatAnswer(await slow.read()), '421 4.3.2 Shutting down, try again');
  await stopped;
  assert.deepEqual(world.bodies, []);
});

story(
  'IPv6 clients are served, and named as such',
  async (world) => {
    const client = await world.inData(await world.client({ host: '::1' }));
    client.write('.\r\n');
    assert.ok(isReply(await client.read(), 250));
    assert.match(Buffer.from(world.core.mails[0]?.recipient.prefix ?? []).toString(), /\(\[IPv6:::1\]\)/);
  },
  { listener: { host: '::1' } },
);

story(
  'a trusted proxy says who the client is',
  async (world) => {
    const client = world.connect();
    client.write('PROXY TCP4 192.0.2.7 192.0.2.1 4000 25\r\n');
    assert.ok(isReply(await client.hello(), 250));
    await world.inData(client);
    client.write('.\r\n');
    assert.ok(isReply(await client.read(), 250));
    assert.match(Buffer.from(world.core.mails[0]?.recipient.prefix ?? []).toString(), /\(\[192\.0\.2\.7\]\)/);
  },
  { listener: { proxiesTrusted: ['127.0.0.1'] } },
);
