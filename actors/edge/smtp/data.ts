/** DATA: takes the mail, has it committed, and only then says 250 (RFC 5321 §4.1.1.4, plan P1). */
import { InvariantError } from '../../../runtime/base/invariant.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { BodyCollector } from './body-collector.ts';
import { commitMail } from './commit.ts';
import type { DataProblem, Dialogue, Edge, Transaction, Verb } from './dialogue.ts';
import { errorReply, type Reply, replies } from './replies.ts';
import { submitMail } from './submit-mail.ts';

export const dataVerb: Verb = {
  needs: 'transaction',
  run(dialogue: Dialogue, argument: string): void {
    const transaction = dialogue.transaction as Transaction;
    const problem = beginProblem(dialogue.edge, transaction, argument);
    if (problem !== null) return dialogue.reply(problem);
    const { limits, budget } = dialogue.edge;
    const collector = new BodyCollector(limits.messageBytesMax, budget);
    dialogue.receiveData(collector, (found) => received(dialogue, transaction, collector, found));
  },
};

function beginProblem(edge: Edge, transaction: Transaction, argument: string): Reply | null {
  if (argument !== '') return replies.noArguments;
  if (transaction.recipients.length === 0)
    return transaction.recipientsAsked === 0 ? replies.needRcpt : replies.noValidRecipients;
  if (edge.isStorageLow) return replies.storageFull;
  if (edge.budget.usedBytes >= edge.budget.bytesMax) return replies.memoryFull;
  return null;
}

function received(
  dialogue: Dialogue,
  transaction: Transaction,
  collector: BodyCollector,
  found: DataProblem | null,
): void {
  // RFC 5321 §4.1.1.4: the buffers are cleared whatever the reply will be.
  dialogue.transaction = null;
  const problem = endProblem(collector, found);
  if (problem !== null) {
    collector.release();
    return dialogue.reply(problem);
  }
  const reply = dialogue.replyLater();
  const { account } = dialogue;
  const committed =
    account === null
      ? commitMail(dialogue, transaction, collector)
      : submitMail(dialogue, account, transaction, collector);
  committed.then(
    (answer) => {
      collector.release();
      if (answer.code === 250) dialogue.clearRefusals();
      reply(answer);
    },
    (error: unknown) => {
      if (error instanceof InvariantError) throw error;
      collector.release();
      const known = error instanceof OperationError;
      if (!known) dialogue.edge.log.error({ err: error, trace: dialogue.trace }, 'a mail could not be committed');
      reply(errorReply(error));
    },
  );
}

function endProblem(collector: BodyCollector, found: DataProblem | null): Reply | null {
  if (collector.dropped === 'tooBig') return replies.tooBig;
  if (collector.dropped === 'memoryFull') return replies.memoryFull;
  if (found !== null) return replies[found];
  return null;
}
