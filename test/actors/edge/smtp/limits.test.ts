/** Every bound holds: what is too much is refused by name, memory stays, and the session goes on where it can. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultLimits, checkLimits } from '../../../../actors/edge/smtp/limits.ts';
import { formatAnswer, isReply } from '../../../support/smtp-answers.ts';
import { SmtpWorld, type WorldOptions } from '../../../support/smtp-edge-world.ts';
import { until } from '../../../support/smtp-until.ts';

function story(title: string, options: WorldOptions, tell: (world: SmtpWorld) => Promise<void>): void {
  void test(`limits: ${title}`, async () => {
    const world = await SmtpWorld.start(options);
    try {
      await tell(world);
      assert.deepEqual(world.complaints, []);
    } finally {
      await world.stop();
    }
  });
}

story(
  'a mail larger than SIZE is read to its end and refused, whatever was declared',
  { limits: { messageBytesMax: 1000 } },
  async (world) => {
    const client = await world.client();
    await client.ask('MAIL FROM:<a@remote.example> SIZE=10');
    await client.ask('RCPT TO:<ann@example.org>');
    await client.ask('DATA');
    client.write(`${'x'.repeat(98)}\r\n`.repeat(11) + '.\r\nNOOP\r\n');
    assert.equal(formatAnswer(await client.read()), '552 5.3.4 Message is larger than this server takes');
    assert.equal(formatAnswer(await client.read()), '250 2.0.0 Ok');
    assert.deepEqual(world.bodies, []);
  },
);

story('a mail of exactly SIZE bytes is taken', { limits: { messageBytesMax: 1000 } }, async (world) => {
  const mail = `${'x'.repeat(98)}\r\n`.repeat(10);
  assert.equal((await world.send(`${mail}.\r\n`)).code, 250);
  assert.deepEqual(world.bodies, [mail]);
});

story('a mail that goes on and on is cut off', { limits: { messageBytesMax: 1000 } }, async (world) => {
  const client = await world.inData();
  client.write(`${'x'.repeat(98)}\r\n`.repeat(30));
  assert.equal(formatAnswer(await client.read()), '552 5.3.4 Message is larger than this server takes');
  await client.over();
});

story(
  'mail in memory is bounded over all sessions',
  { limits: { messageBytesMax: 1000, dataBytesMax: 1500 } },
  async (world) => {
    const first = await world.inData();
    first.write('x'.repeat(1000 - 2));
    const second = await world.inData();
    await until(() => world.edge.stats().dataBytes === 998);
    second.write(`${'y'.repeat(600)}\r\n.\r\n`);
    assert.equal(formatAnswer(await second.read()), '452 4.3.1 Too much mail on its way in, try again later');
    const early = await second.ask('MAIL FROM:<a@remote.example> SIZE=900');
    assert.equal(formatAnswer(early), '452 4.3.1 Too much mail on its way in, try again later');
    first.write('\r\n.\r\n');
    assert.ok(isReply(await first.read(), 250));
    assert.equal(world.edge.stats().dataBytes, 0);
  },
);

story('a client that leaves in the middle gives its memory back', {}, async (world) => {
  const client = await world.inData();
  client.write('x'.repeat(5000));
  await until(() => world.edge.stats().dataBytes === 5000);
  client.hangUp();
  await until(() => world.edge.stats().sessions === 0);
  assert.equal(world.edge.stats().dataBytes, 0);
  assert.deepEqual(world.bodies, []);
});

story('the recipient too many is told to come back', { settings: { recipientsMax: 100 } }, async (world) => {
  const client = await world.client();
  await client.ask('MAIL FROM:<a@remote.example>');
  for (let i = 0; i < 120; i++) client.write('RCPT TO:<ann@example.org>\r\n');
  const codes = [];
  for (let i = 0; i < 120; i++) codes.push(formatAnswer(await client.read()));
  assert.equal(codes.filter((text) => text === '250 2.1.5 Ok').length, 100);
  assert.deepEqual(
    new Set(codes.slice(100)),
    new Set(['452 4.5.3 Too many recipients, send the rest in another transaction']),
  );
});

story(
  'an alias may not lead to more mailboxes than the spool can tell',
  { limits: { aliasMailboxesMax: 100 } },
  async (world) => {
    const names = Array.from({ length: 101 }, (_, index) => `user${index}@example.org`);
    for (const name of names) world.core.address(name, `m-${name}`);
    world.core.alias('wide@example.org', ...names).alias('less@example.org', ...names.slice(1));
    const client = await world.client();
    await client.ask('MAIL FROM:<a@remote.example>');
    assert.equal(
      formatAnswer(await client.ask('RCPT TO:<wide@example.org>')),
      '451 4.3.5 This alias leads to too many mailboxes',
    );
    assert.equal(formatAnswer(await client.ask('RCPT TO:<less@example.org>')), '250 2.1.5 Ok');
  },
);

story('an alias chain has an end', {}, async (world) => {
  for (let i = 0; i < 12; i++)
    world.core.alias(`step${i}@example.org`, i === 11 ? 'ann@example.org' : `step${i + 1}@example.org`);
  const client = await world.client();
  await client.ask('MAIL FROM:<a@remote.example>');
  assert.equal(
    formatAnswer(await client.ask('RCPT TO:<step0@example.org>')),
    '550 5.4.6 This alias leads through too many others',
  );
  assert.equal(formatAnswer(await client.ask('RCPT TO:<step3@example.org>')), '250 2.1.5 Ok');
});

story(
  'a command line that is too long is skipped, and the next one is heard',
  { limits: { commandBytesMax: 600 } },
  async (world) => {
    const client = await world.client();
    for (const line of [`NOOP ${'x'.repeat(700)}`, `NOOP ${'x'.repeat(200_000)}`]) {
      assert.equal(formatAnswer(await client.ask(line)), '500 5.5.2 Command line is too long');
    }
    assert.equal(formatAnswer(await client.ask(`NOOP ${'x'.repeat(500)}`)), '250 2.0.0 Ok');
  },
);

story(
  'a command line without end costs no memory, and ends the session',
  { limits: { commandSkipBytesMax: 32_000_000 } },
  async (world) => {
    const client = await world.client();
    const before = process.memoryUsage().rss;
    const chunk = Buffer.alloc(1_000_000, 'x');
    let peak = 0;
    for (let i = 0; i < 40 && !client.isOver; i++) {
      await client.writeAndDrain(chunk);
      peak = Math.max(peak, process.memoryUsage().rss - before);
    }
    assert.equal(formatAnswer(await client.read()), '421 4.7.0 The command line has no end');
    assert.ok(peak < 100_000_000, `grew by ${peak} bytes`);
  },
);

story(
  'a body line without end is refused, a long one is stored',
  { limits: { bodyLineBytesMax: 10_000 } },
  async (world) => {
    assert.equal((await world.send(`${'x'.repeat(9990)}\r\n.\r\n`)).code, 250);
    assert.equal(
      (await world.send(`${'x'.repeat(10_010)}\r\n.\r\n`)).text,
      '554 5.6.0 Message holds a line without end',
    );
  },
);

story(
  'a client that is refused all the time is sent away; an accepted mail clears its name',
  { limits: { refusalsMax: 5 } },
  async (world) => {
    const client = await world.client();
    await client.ask('MAIL FROM:<a@remote.example>');
    for (let i = 0; i < 5; i++)
      assert.equal(formatAnswer(await client.ask(`RCPT TO:<guess${i}@example.org>`)), '550 5.1.1 User unknown');
    await client.ask('RSET');
    await world.inData(client);
    client.write('.\r\n');
    assert.ok(isReply(await client.read(), 250));
    for (let i = 0; i < 5; i++) await client.ask('FROBNICATE');
    assert.equal(formatAnswer(await client.ask('FROBNICATE')), '500 5.5.2 Command not recognised');
    assert.equal(formatAnswer(await client.read()), '421 4.7.0 Too many errors, closing the connection');
    await client.over();
  },
);

story(
  'one client has its share of connections, and another is served meanwhile',
  { limits: { connectionsMax: 20, connectionsPerClientMax: 10 } },
  async (world) => {
    const flood = Array.from({ length: 60 }, () => world.connect({ localAddress: '127.0.0.2' }));
    const answers = await Promise.all(flood.map((client) => client.read()));
    assert.equal(answers.filter((answer) => isReply(answer, 220)).length, 10);
    const refused = answers.filter((answer) => !isReply(answer, 220)).map(formatAnswer);
    assert.deepEqual(new Set(refused), new Set(['421 4.7.0 Too many connections from your address']));
    const canary = await world.inData(await world.client({ localAddress: '127.0.0.3' }));
    canary.write('Subject: canary\r\n\r\n.\r\n');
    assert.ok(isReply(await canary.read(), 250));
    for (const client of flood) client.hangUp();
    await until(() => world.edge.stats().sessions === 1);
    assert.ok(isReply(await world.connect({ localAddress: '127.0.0.2' }).read(), 220));
  },
);

story(
  'all clients together have theirs',
  { limits: { connectionsMax: 3, connectionsPerClientMax: 3 } },
  async (world) => {
    for (const last of [2, 3, 4])
      assert.ok(isReply(await world.connect({ localAddress: `127.0.0.${last}` }).read(), 220));
    assert.equal(
      formatAnswer(await world.connect({ localAddress: '127.0.0.5' }).read()),
      '421 4.7.0 Too many connections, try again later',
    );
  },
);

void test('limits: limits that contradict each other do not start', () => {
  assert.throws(
    () => checkLimits({ ...defaultLimits, messageBytesMax: defaultLimits.dataBytesMax + 1 }),
    /dataBytesMax/,
  );
  assert.throws(() => checkLimits({ ...defaultLimits, silenceMsMax: 0 }), /silenceMsMax/);
});
