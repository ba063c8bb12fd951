/**
 * The address actor: where mail to one address goes.
 *
 * Leaves to others: following aliases (the SMTP edge), the list of a domain's addresses (`local-domain/`).
 */
import { isDeepStrictEqual } from 'node:util';
import type { ActorKind, Turn, View } from '../../runtime/actor/actor.ts';
import { refused } from '../../runtime/base/errors.ts';
import { type CommandTable, runCommand } from '../command-table.ts';
import { parseAddress } from '../mail/address.ts';
import {
  type AddressAnswers,
  type AddressCommand,
  type AddressNotice,
  type AddressProtocol,
  type AddressQuery,
  type AddressTarget,
  mailboxBehind,
  type Resolution,
} from './protocol.ts';

interface TargetRow {
  readonly target: AddressTarget;
  /** What the mailbox behind it said last. */
  readonly full: boolean;
}

const rowKey = ['t'];
/** As many as the smallest limit of recipients that RFC 5321 §4.5.3.1.8 allows, ten times over. */
const targetsMax = 1000;

const commands: CommandTable<Turn, AddressCommand, AddressAnswers> = {
  claim(turn, { target }) {
    checkTarget(turn.key, target);
    const there = turn.get<TargetRow>(rowKey);
    if (there !== undefined && !isDeepStrictEqual(there.target, target)) {
      throw refused('addressExists', `${turn.key} exists and goes elsewhere; release or retarget it`);
    }
    if (there === undefined) turn.put(rowKey, { target, full: false } satisfies TargetRow);
    return { created: there === undefined };
  },

  retarget(turn, { target }) {
    checkTarget(turn.key, target);
    const there = turn.get<TargetRow>(rowKey);
    if (there === undefined) throw refused('noSuchAddress', `there is no address ${turn.key}`);
    // Another mailbox speaks up itself, when it is told of this address (`addAddress`).
    const full = there.full && mailboxBehind(there.target) === mailboxBehind(target);
    turn.put(rowKey, { target, full } satisfies TargetRow);
    return {};
  },

  release(turn) {
    const there = turn.get<TargetRow>(rowKey);
    if (there !== undefined) turn.delete(rowKey);
    return { released: there?.target ?? null };
  },
};

const queries: CommandTable<View, AddressQuery, AddressAnswers> = {
  resolve(view): Resolution {
    const row = view.get<TargetRow>(rowKey);
    return row === undefined ? { known: false } : { known: true, target: row.target, full: row.full };
  },
};

export const address: ActorKind<AddressProtocol> = {
  kind: 'address',
  rowVersion: 1,
  command: (turn, command) => runCommand(commands, turn, command),
  query: (view, query) => runCommand(queries, view, query),

  /** A mailbox has become full, or has room again. */
  notice(turn: Turn, { full, mailboxId }: AddressNotice) {
    const row = turn.get<TargetRow>(rowKey);
    if (row === undefined || row.full === full || mailboxBehind(row.target) !== mailboxId) return;
    turn.put(rowKey, { ...row, full } satisfies TargetRow);
  },
};

/** @throws {OperationError} `badTarget`, and what `parseAddress` throws */
function checkTarget(own: string, target: AddressTarget): void {
  if (target.type === 'mailbox') return;
  if (target.targets.length === 0) throw refused('badTarget', `${own} needs at least one address to go to`);
  if (target.targets.length > targetsMax) throw refused('badTarget', `an address goes to at most ${targetsMax} others`);
  for (const text of target.targets) {
    // Longer loops are found by whoever follows the aliases.
    if (parseAddress(text).normalised === own) throw refused('badTarget', `${own} cannot go to itself`);
  }
}
