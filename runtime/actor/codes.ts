/** Every code that the engine itself answers with. Actors have their own. */
import { type OperationError, refused, tryLater } from '../base/errors.ts';

export const busy = (what: string): OperationError =>
  tryLater('busy', `${what} has too much waiting; try again in a moment`);

export const deadlinePassed = (): OperationError =>
  tryLater('deadlinePassed', 'the command waited longer than its deadline and was not begun; try again');

export const commandSettled = (): OperationError =>
  refused('commandSettled', 'a command with this id was settled long ago; send it under a new id');

export const unknownKind = (kind: string): OperationError =>
  refused('unknownActorKind', `no actor is of kind "${kind}"; is this node older than the one that asks?`);

export const noNotices = (kind: string): OperationError =>
  refused('noNotices', `actors of kind "${kind}" take no notices; is this node older than the one that tells?`);

export const badKey = (): OperationError =>
  refused('badActorKey', 'an actor key is 1 to 320 bytes of well-formed text without U+0000 to U+0004');

export const turnTooLarge = (what: string): OperationError =>
  refused('turnTooLarge', `one turn may not ${what}; do it in smaller steps`);

export const rowDamaged = (cause: unknown): OperationError =>
  tryLater('rowDamaged', 'stored data fails its checksum; the log of the node names it', cause);

export const bodyNotHere = (hash: string): OperationError =>
  tryLater('bodyNotHere', `the body ${hash} was neither sent along nor is it stored; send it again`);

export const storageFull = (): OperationError =>
  tryLater('storageFull', 'the disk of this node is nearly full; free space, then try again');

export const stopping = (): OperationError => tryLater('stopping', 'this node is stopping; try again');

export const notLeader = (): OperationError =>
  tryLater('notLeader', 'another node leads this shard now, or none for the moment; ask again with the same id');

export const wrongShard = (kind: string, key: string): OperationError =>
  refused(
    'wrongShard',
    `${kind} ${key} does not belong to the shard it was sent to; do all nodes count the same shards?`,
  );
