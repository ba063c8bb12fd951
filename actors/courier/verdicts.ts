/** What became of an attempt, as the queue is told. */
import type { AttemptResult, Job, RecipientResult } from '../delivery-domain/protocol.ts';
import { noReply, type Reply, resultOf } from './reply.ts';

/** Of the attempt as a whole: where, and how. */
export type Place = Pick<AttemptResult, 'mx' | 'ip' | 'tls' | 'tookMs'>;

export const nowhere: Omit<Place, 'tookMs'> = { mx: '', ip: null, tls: { policy: '', outcome: '' } };

export function attemptResult(job: Job, recipients: readonly RecipientResult[], place: Place): AttemptResult {
  return { itemId: job.itemId, attemptId: job.attemptId, recipients, source: null, ...place };
}

/** All recipients alike. */
export function wholeResult(job: Job, outcome: RecipientResult['outcome'], reply: Reply, place: Place): AttemptResult {
  return attemptResult(
    job,
    job.recipients.map(({ address }) => resultOf(address, reply, outcome)),
    place,
  );
}

export const outOfTime = noReply('4.4.7', 'not tried: the mails before it took too long');
export const stopping = noReply('4.3.2', 'not tried: this node is stopping');
