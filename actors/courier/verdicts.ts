/** What became of an attempt, as the queue is told. */
import type { AttemptResult, Job, RecipientResult } from '../delivery-domain/protocol.ts';
import { noReply, type Reply, resultOf } from './reply.ts';

/** Of the attempt as a whole: where, and how. */
export type Place = Pick<AttemptResult, 'mx' | 'ip' | 'tls' | 'tookMs' | 'dsnPassedOn'>;

export const nowhere: Omit<Place, 'tookMs'> = {
  ...{ mx: '', ip: null, tls: { policy: '', outcome: '' } },
  dsnPassedOn: false,
};

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

/** Of a mail that was not begun by then nothing is said: it is the next courier's. */
export const stopping = noReply('4.3.2', 'not tried: this node is stopping');
