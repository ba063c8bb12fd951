/** A disk that fills up: mail is refused for now before it is full, reads go on, and what was acknowledged is whole. */
import { equal, match, ok } from 'node:assert/strict';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { until } from '../../bench/measure/wait.ts';
import { systemClock } from '../../runtime/base/clock.ts';
import { listMailbox, prefixOf, showMail, untilListed } from '../support/process-mailboxes.ts';
import type { RingpostNode } from '../support/process-node.ts';
import { ann, nodeFor, ownedBy, requiresMount, smallDisk } from '../support/process-place.ts';
import { expectReply, formatAnswer, isReply } from '../support/smtp-answers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { type Delivery, deliver } from '../support/smtp-delivery.ts';

const mebibyte = 1024 * 1024;
const diskBytes = 128 * mebibyte;
const mailsMax = 2000;

const numbered = (n: number): Buffer =>
  Buffer.from(`Subject: no. ${n}\r\nMessage-ID: <${n}@client.example>\r\n\r\n${`line of mail ${n}\r\n`.repeat(6000)}`);

interface Filling {
  readonly accepted: ReadonlyMap<string, Buffer>;
  readonly refusal: Delivery;
}

/** The guard looks at the disk once a second and counts generously in between: a refusal may pass. */
const refusalMsMin = 3000;

/** Sends until mails are refused and stay refused. */
async function fill(node: RingpostNode): Promise<Filling> {
  const accepted = new Map<string, Buffer>();
  const client = new SmtpClient({ port: node.smtpPort });
  expectReply(await client.hello(), 250);
  let refusedMs = Number.POSITIVE_INFINITY;
  for (let n = 1; n <= mailsMax; ) {
    const delivery = await deliver(client, { from: '', to: [ann] }, numbered(n));
    const nowMs = systemClock.monotonicMs();
    if (delivery.outcome === 'accepted') {
      accepted.set(`${n}@client.example`, numbered(n++));
      refusedMs = Number.POSITIVE_INFINITY;
    } else if (nowMs - refusedMs > refusalMsMin || client.isOver) {
      client.hangUp();
      return { accepted, refusal: delivery };
    } else {
      refusedMs = Math.min(refusedMs, nowMs);
      await client.ask('RSET');
    }
  }
  throw new Error(`the disk of ${diskBytes} bytes took ${mailsMax} mails`);
}

/** Every acknowledged mail is listed, and a sample of them is whole. */
async function expectWhole(node: RingpostNode, accepted: ReadonlyMap<string, Buffer>): Promise<void> {
  const mails = await untilListed(node, ann, accepted.size);
  const uids = new Map(mails.map(({ messageId, uid }) => [messageId.replace(/^<|>$/g, ''), uid]));
  equal([...accepted.keys()].filter((id) => !uids.has(id)).join(), '');
  const ids = [...accepted.keys()];
  for (const id of [ids[0], ids.at(-1)] as string[]) {
    prefixOf(await showMail(node, ann, uids.get(id) as number), accepted.get(id) as Buffer);
  }
}

async function tryOne(node: RingpostNode, mail: Buffer): Promise<Delivery> {
  const client = new SmtpClient({ port: node.smtpPort });
  const hello = await client.hello();
  if (!isReply(hello, 250)) return { outcome: 'refused', answer: hello, step: 'mail', taken: [] };
  const delivery = await deliver(client, { from: '', to: [ann] }, mail);
  client.hangUp();
  return delivery;
}

function nodeOnSmallDisk(t: TestContext, freeMiBMin: number): Promise<RingpostNode> {
  return nodeFor(t, { dataDir: join(smallDisk(t, diskBytes), 'node'), sets: [`store.freeBytesMin=${freeMiBMin}MiB`] });
}

void test(
  'full disk: 452 comes before the disk is full, reads go on, space given back is used again',
  requiresMount(),
  async (t) => {
    const node = await nodeOnSmallDisk(t, 72);
    const { accepted, refusal } = await fill(node);
    match(formatAnswer(refusal.answer), /^452 4\.3\.1 /);
    const { bavail, bsize } = statfsSync(node.spec.dataDir);
    const freeMiB = Math.round((bavail * bsize) / mebibyte);
    t.diagnostic(`${accepted.size} mails, then ${formatAnswer(refusal.answer)} with ${freeMiB} MiB free`);
    ok(freeMiB > 36 && freeMiB < 90, `refused for good with ${freeMiB} MiB free, at a bound of 72`);
    await expectWhole(node, accepted);
    equal(node.exit, undefined, 'the node serves on');

    equal((await node.stop()).code, 0, node.lastWords);
    const roomier = ownedBy(t, await node.restart({ sets: ['store.freeBytesMin=16MiB'] }));
    await expectWhole(roomier, accepted);
    equal((await tryOne(roomier, numbered(9001))).outcome, 'accepted', 'with a lower bound there is room again');
    equal((await listMailbox(roomier, ann)).length, accepted.size + 1);
  },
);

void test(
  'full disk: space that others took and gave back is noticed without a restart',
  requiresMount(),
  async (t) => {
    const node = await nodeOnSmallDisk(t, 16);
    equal((await tryOne(node, numbered(1))).outcome, 'accepted');
    const ballast = join(node.spec.dataDir, '..', 'ballast');
    const { bavail, bsize } = statfsSync(node.spec.dataDir);
    writeFileSync(ballast, Buffer.alloc(bavail * bsize - 12 * mebibyte));
    let last: Delivery | undefined;
    let sent = 1;
    const isRefused = async (): Promise<boolean> => {
      last = await tryOne(node, numbered(++sent));
      return last.outcome === 'refused';
    };
    await until('mail is refused on the fuller disk', isRefused, 20_000);
    match(formatAnswer(last?.answer ?? { kind: 'lost', cause: 'none' }), /^452 4\.3\.1 /);
    rmSync(ballast);
    await until(
      'mail is taken again',
      async () => (await tryOne(node, numbered(++sent))).outcome === 'accepted',
      20_000,
    );
  },
);
