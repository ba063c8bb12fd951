/** Clients that hold a session and do nothing with it; time is the test's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAnswer, isReply } from '../../../support/smtp-answers.ts';
import type { SmtpClient } from '../../../support/smtp-client.ts';
import { SmtpWorld, type WorldOptions } from '../../../support/smtp-edge-world.ts';
import { loopTurns, until } from '../../../support/smtp-until.ts';

const minute = 60_000;
const tooSlow = '421 4.4.2 Timeout, closing the connection';

function story(title: string, tell: (world: SmtpWorld) => Promise<void>, options: WorldOptions = {}): void {
  void test(`patience: ${title}`, async () => {
    const world = await SmtpWorld.start(options);
    try {
      await tell(world);
    } finally {
      await world.stop();
    }
  });
}

async function assertCutOff(client: SmtpClient): Promise<void> {
  assert.equal(formatAnswer(await client.read()), tooSlow);
  await client.over();
}

story('silence is endured for a minute', async (world) => {
  const greeted = await world.client();
  const silent = world.connect();
  await silent.read();
  world.clock.advance(minute - 6000);
  assert.ok(isReply(await greeted.ask('NOOP'), 250));
  world.clock.advance(12_000);
  await assertCutOff(silent);
  assert.ok(isReply(await greeted.ask('NOOP'), 250));
  world.clock.advance(minute + 6000);
  await assertCutOff(greeted);
});

story('a command that never ends is silence, however often a letter comes', async (world) => {
  const client = await world.client();
  for (let i = 0; i < 14; i++) {
    await client.writeAndDrain(Buffer.from('x'));
    world.clock.advance(5000);
  }
  await assertCutOff(client);
});

story('mail in drips is cut off, and its memory comes back', async (world) => {
  const client = await world.inData();
  for (let i = 0; i < 14; i++) {
    await client.writeAndDrain(Buffer.from('x\r\n'));
    await until(() => world.edge.stats().dataBytes > 3 * i || client.isOver);
    world.clock.advance(5000);
  }
  await assertCutOff(client);
  await until(() => world.edge.stats().sessions === 0);
  assert.equal(world.edge.stats().dataBytes, 0);
});

story('a slow line that keeps its rate is served for as long as it takes', async (world) => {
  const client = await world.inData();
  for (let i = 0; i < 60; i++) {
    await client.writeAndDrain(Buffer.from(`${'x'.repeat(598)}\r\n`));
    await until(() => world.edge.stats().dataBytes >= 600 * (i + 1));
    world.clock.advance(5000);
  }
  client.write('.\r\n');
  assert.ok(isReply(await client.read(), 250));
});

story('who waits for us is not hurried', async (world) => {
  let open = (): void => {};
  world.core.gate = new Promise((resolve) => {
    open = resolve;
  });
  const client = await world.inData();
  client.write('.\r\n');
  await until(() => world.core.calls.at(-1)?.startsWith('mailbox:') === true);
  world.clock.advance(5 * minute);
  open();
  assert.ok(isReply(await client.read(), 250));
});

story('a client that does not read its replies is not read from, and then cut off', async (world) => {
  const client = await world.client();
  client.freeze();
  // 15 MB of commands, 30 MB of replies: far more than the kernel's buffers hold.
  const taken = client.writeAndDrain(Buffer.from('HELP\r\n'.repeat(2_500_000)));
  let isTaken = false;
  void taken.then(() => {
    isTaken = true;
  });
  const before = process.memoryUsage().rss;
  await loopTurns(2000);
  assert.equal(isTaken, false);
  assert.ok(process.memoryUsage().rss - before < 50_000_000);
  world.clock.advance(minute + 6000);
  await until(() => world.edge.stats().sessions === 0);
});

story(
  'who talks before a delayed greeting is sent away',
  async (world) => {
    const hasty = world.connect();
    hasty.write('EHLO hasty.example\r\n');
    assert.equal(formatAnswer(await hasty.read()), '421 4.7.0 You talk before the greeting');
    const polite = world.connect();
    await until(() => world.edge.stats().sessionsTotal === 2);
    world.clock.advance(200);
    assert.ok(isReply(await polite.read(), 220));
    assert.ok(isReply(await polite.ask('EHLO polite.example'), 250));
  },
  { settings: { greetingDelayMs: 100 } },
);
