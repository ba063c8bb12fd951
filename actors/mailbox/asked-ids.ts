/**
 * The numbers by which whoever asks names folders, messages and changes. Looked at once, at the door: they become parts
 * of keys, and one that has no place in an order there (NaN, -0) would break an invariant and stop the node.
 */
import { isKeyNumber } from '../../runtime/store/keys.ts';
import type { FolderId, ModSeq, Uid } from './protocol.ts';
import { badId } from './refusals.ts';

interface Asked {
  readonly kind: string;
  readonly folderId?: FolderId;
  readonly toFolderId?: FolderId;
  readonly uid?: Uid;
  readonly uids?: readonly Uid[] | null;
  readonly afterUid?: Uid;
  readonly since?: ModSeq;
}

/** @throws {OperationError} `badId` */
export function requireIds({ folderId = 0, toFolderId = 0, uid = 0, uids, afterUid = 0, since = 0 }: Asked): void {
  const areSound = [folderId, toFolderId, uid, afterUid, since].every(isKeyNumber) && (uids ?? []).every(isKeyNumber);
  if (!areSound) throw badId();
}
