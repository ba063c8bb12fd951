/** Random commands against a mailbox and against a few arrays that say what it should be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FolderId, Uid } from '../../../actors/mailbox/protocol.ts';
import { sampleMail } from '../../support/mail-samples.ts';
import { inbox, MailboxBench } from '../../support/mailbox-bench.ts';

interface ModelMessage {
  readonly uid: Uid;
  readonly mailId: string;
  flags: string[];
}

interface Model {
  readonly folders: Map<FolderId, { next: Uid; messages: ModelMessage[] }>;
  readonly prints: Map<string, Uid>;
}

type Step = (box: MailboxBench, model: Model) => void;

const trash = (box: MailboxBench): FolderId => box.folder('Trash').folderId;
const flags = fc.subarray(['\\Deleted', '\\Flagged', '\\Seen', 'blue', 'red']);
const uids = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 12 });
const place = fc.boolean();
const modes = fc.constantFrom('add', 'remove', 'replace' as const);

function put(model: Model, folderId: FolderId, mailId: string, own: readonly string[]): Uid {
  const folder = model.folders.get(folderId);
  assert.ok(folder);
  folder.messages.push({ uid: folder.next, mailId, flags: [...own].sort() });
  return folder.next++;
}

const find = (model: Model, folderId: FolderId, uid: Uid): ModelMessage | undefined =>
  model.folders.get(folderId)?.messages.find((message) => message.uid === uid);

function drop(model: Model, folderId: FolderId, uid: Uid): void {
  const folder = model.folders.get(folderId);
  assert.ok(folder);
  folder.messages = folder.messages.filter((message) => message.uid !== uid);
}

const deliver = fc.record({ inTrash: place, print: fc.option(fc.constantFrom('p', 'q', 'r')) }).map(
  ({ inTrash, print }): Step =>
    (box, model) => {
      const uid = box.deliver({
        folder: inTrash ? 'trash' : 'INBOX',
        ...(print === null ? {} : { fingerprint: print }),
      });
      const known = print === null ? undefined : model.prints.get(print);
      if (known !== undefined) {
        assert.equal(uid, known);
        return;
      }
      const folderId = inTrash ? trash(box) : inbox;
      const mailId = box.query({ kind: 'message', folderId, uid })?.mailId ?? '';
      assert.equal(put(model, folderId, mailId, []), uid);
      if (print !== null) model.prints.set(print, uid);
    },
);

const append = flags.map(
  (own): Step =>
    (box, model) => {
      const message = sampleMail();
      const rest = { flags: own, internalDateMs: 1, fingerprint: null, createFolder: false } as const;
      const { uid } = box.ask({ kind: 'append', folder: 'INBOX', message, ...rest });
      assert.equal(put(model, inbox, message.mailId, own), uid);
    },
);

const store = fc.record({ inTrash: place, uids, mode: modes, flags }).map(
  ({ inTrash, uids, mode, flags }): Step =>
    (box, model) => {
      const folderId = inTrash ? trash(box) : inbox;
      const expected: Uid[] = [];
      for (const uid of uids) {
        const message = find(model, folderId, uid);
        if (message === undefined) continue;
        const kept = mode === 'replace' ? [] : message.flags.filter((flag) => mode === 'add' || !flags.includes(flag));
        const next = [...new Set([...kept, ...(mode === 'remove' ? [] : flags)])].sort();
        if (next.join() !== message.flags.join()) expected.push(uid);
        message.flags = next;
      }
      assert.deepEqual(box.setFlags(uids, mode, flags, folderId).changed, expected);
    },
);

const transfer = fc.record({ kind: fc.constantFrom('copy', 'move' as const), from: place, to: place, uids }).map(
  ({ kind, from, to, uids }): Step =>
    (box, model) => {
      const [folderId, toFolderId] = [from ? trash(box) : inbox, to ? trash(box) : inbox];
      const expected: [Uid, Uid][] = [];
      for (const uid of uids) {
        const message = find(model, folderId, uid);
        if (message === undefined) continue;
        if (kind === 'move') drop(model, folderId, uid);
        expected.push([uid, put(model, toFolderId, message.mailId, message.flags)]);
      }
      assert.deepEqual(box.ask({ kind, folderId, uids, toFolderId }).pairs, expected);
    },
);

const expunge = fc.record({ inTrash: place, uids: fc.option(uids), onlyDeleted: fc.boolean() }).map(
  ({ inTrash, uids, onlyDeleted }): Step =>
    (box, model) => {
      const folderId = inTrash ? trash(box) : inbox;
      const all = model.folders.get(folderId)?.messages.map(({ uid }) => uid) ?? [];
      const isFlagged = (uid: Uid): boolean => find(model, folderId, uid)?.flags.includes('\\Deleted') ?? false;
      const expected = (uids ?? all).filter((uid) =>
        uids === null || onlyDeleted ? isFlagged(uid) : find(model, folderId, uid) !== undefined,
      );
      for (const uid of expected) drop(model, folderId, uid);
      assert.deepEqual(box.ask({ kind: 'expunge', folderId, uids, onlyDeleted }).removed, expected);
    },
);

void test('whatever is done to a mailbox: UIDs grow, MODSEQs grow, and counters, feed and holds agree with its messages', () => {
  const step = fc.oneof({ weight: 3, arbitrary: deliver }, append, store, { weight: 2, arbitrary: transfer }, expunge);
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.constantFrom(10_000, 1003),
      (steps, rowsPerTurn) => {
        const box = new MailboxBench({ rowsPerTurn });
        const empty = () => ({ next: 1, messages: [] as ModelMessage[] });
        const model: Model = {
          folders: new Map([
            [inbox, empty()],
            [trash(box), empty()],
          ]),
          prints: new Map(),
        };
        let modSeq = box.query({ kind: 'summary' }).highestModSeq;
        for (const run of steps) {
          run(box, model);
          const now = box.query({ kind: 'summary' }).highestModSeq;
          assert.ok(now >= modSeq);
          modSeq = now;
        }
        for (const [folderId, { next, messages }] of model.folders) {
          const stored = box.messages(folderId).map(({ uid, mailId, flags }) => ({ uid, mailId, flags }));
          assert.deepEqual(
            stored,
            messages.map(({ uid, mailId, flags }) => ({ uid, mailId, flags })),
          );
          assert.equal(box.folders().find((folder) => folder.folderId === folderId)?.uidNext, next);
        }
        assert.deepEqual(box.disagreements(), []);
        assertReplay(box);
      },
    ),
    { numRuns: 150 },
  );
});

/** Who follows the feed from nothing, in small pages, ends with the messages that are there. */
function assertReplay(box: MailboxBench): void {
  const known = new Set<string>();
  let since: number | null = 0;
  while (since !== null) {
    const page: { changes: readonly { folderId: number; uid: number; what: string }[]; next: number | null } =
      box.query({
        kind: 'changes',
        since,
        limit: 3,
      });
    for (const { folderId, uid, what } of page.changes) {
      if (what === 'removed') known.delete(`${folderId}:${uid}`);
      else known.add(`${folderId}:${uid}`);
    }
    since = page.next;
  }
  assert.deepEqual([...known].sort(), [...box.holds.keys()].sort());
}
