/** Reading queues that are too long for one answer, on a core that only pretends to have them. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { mailCliRows, mailNouns } from '../../../actors/admin/cli-rows.ts';
import { queueAdmin } from '../../../actors/admin/queue-admin.ts';
import { readPage } from '../../../actors/admin/queue-reading.ts';
import type { QueueItem } from '../../../actors/delivery-domain/protocol.ts';
import { startAdminApi } from '../../../actors/edge/http/admin-api.ts';
import { systemClock } from '../../../runtime/base/clock.ts';
import { systemRandom } from '../../../runtime/base/random.ts';
import type { AdminContext } from '../../../runtime/cli/admin-row.ts';
import { adminSocketPath } from '../../../runtime/cli/admin-socket.ts';
import { runCli } from '../../../runtime/cli/run.ts';
import { directoryOf } from '../../runtime/store/temporary-directory.ts';

const itemOf = (number: number): QueueItem => ({
  itemId: String(number).padStart(26, '0'),
  mailId: `mail${number}`,
  state: 'queued',
  droppedUntilMs: null,
  sender: 'bob@example.net',
  recipients: ['ann@long.example'],
  attempts: 1,
  enqueuedAtMs: 0,
  nextAttemptAtMs: null,
  expiresAtMs: null,
  lastReply: 'x'.repeat(200),
  sizeBytes: 1,
});

/** A core with one queue of `count` entries; `asked` counts what was read of it. */
function longQueue(count: number) {
  const asked = { pages: 0 };
  const core = {
    inspect: (topic: string, { after }: { after: string | null }) =>
      Promise.resolve(topic === 'actors' && after === null ? ['long.example'] : []),
    query(_: unknown, { after, limit }: { after: string | null; limit: number }) {
      asked.pages++;
      const from = after === null ? 0 : Number(after) + 1;
      const items = Array.from({ length: Math.min(limit, count - from) }, (__, i) => itemOf(from + i));
      return Promise.resolve({ items, next: from + items.length < count ? (items.at(-1)?.itemId ?? null) : null });
    },
  };
  return { asked, context: { core, principal: { kind: 'operator', id: 'test' } } as unknown as AdminContext };
}

/** Runs `ringpost queue list`; `out` hears each piece of output, with the pages that were read by then. */
async function listed(
  t: TestContext,
  count: number,
  words: readonly string[],
  out: (text: string, pages: number) => void,
) {
  const data = directoryOf(t);
  const { asked, context } = longQueue(count);
  const chance = { clock: systemClock, random: systemRandom };
  const socketPath = adminSocketPath(data);
  const bug = (what: string, error: unknown) => assert.fail(`${what}: ${String(error)}`);
  const api = await startAdminApi({ ...context, ...chance, rows: queueAdmin, socketPath, bug });
  const io = {
    out: (chunk: string | Uint8Array) => Promise.resolve(out(String(chunk), asked.pages)),
    err: (text: string) => assert.fail(text),
    stdin: (async function* () {})(),
    ...{ isErrTerminal: false, isInTerminal: false, environment: {} },
  };
  const spec = { rows: mailCliRows, nouns: mailNouns, version: '1', io, ...chance };
  const status = await runCli(['queue', 'list', ...words, '--data', data], spec);
  await api.stop(0);
  assert.equal(status, 0);
}

/** `QUEUE_ENTRIES=1000000` for a look at the real thing. */
const entries = Number(process.env.QUEUE_ENTRIES ?? 20_000);

for (const words of [[], ['--json']]) {
  void test(`queue list ${words.join()}: prints each page before the next is read but one`, async (t) => {
    let [lines, aheadMost] = [0, 0];
    await listed(t, entries, words, (text, pages) => {
      if (!text.includes('mail')) return;
      lines++;
      aheadMost = Math.max(aheadMost, pages * 500 - lines);
    });
    assert.equal(lines, entries);
    assert.ok(aheadMost <= 1_000, `${aheadMost} entries were read and not printed`);
  });
}

void test('a page goes on where the one before ended, over domains that come and go meanwhile', async () => {
  const rows: Readonly<Record<string, number>> = { 'a.example': 700, 'b.example': 0, 'c.example': 3, 'd.example': 500 };
  const domains = Object.keys(rows);
  const core = {
    inspect: (_: string, { after, limit }: { after: string | null; limit: number }) =>
      Promise.resolve(domains.filter((domain) => after === null || domain > after).slice(0, limit)),
  };
  const read = (domain: string, after: string | null, limit: number) => {
    const from = after === null ? 0 : Number(after) + 1;
    const found = Array.from({ length: Math.min(limit, (rows[domain] ?? 0) - from) }, (_, i) => ({ number: from + i }));
    const last = from + found.length - 1;
    return Promise.resolve({ rows: found, next: last + 1 < (rows[domain] ?? 0) ? String(last) : null });
  };
  const all: string[] = [];
  let after: Parameters<typeof readPage>[2] = null;
  do {
    const page: Awaited<ReturnType<typeof readPage<{ number: number }>>> = await readPage(
      { core } as unknown as AdminContext,
      null,
      after,
      read,
    );
    assert.ok(page.rows.length <= 500);
    all.push(...page.rows.map(({ domain, number }) => `${domain} ${number}`));
    after = page.next;
    // The domain in the middle of which the first page ended goes away.
    const gone = domains.indexOf('b.example');
    if (gone >= 0) domains.splice(gone, 1);
  } while (after !== null);
  assert.equal(all.length, 1_203);
  assert.equal(new Set(all).size, 1_203);
});
