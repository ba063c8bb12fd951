/** Every code that the way between nodes itself answers with. `busy`, `stopping` and `notLeader` mean what the engine's mean. */
import { type OperationError, refused, tryLater } from '../../runtime/base/errors.ts';

/** The answer is not known, and neither is whether there is one. Never said of a command that cannot have happened. */
export const outcomeUnknown = (): OperationError =>
  tryLater('outcomeUnknown', 'no answer came in time; whether it happened is unknown; try again');

export const notReached = (): OperationError =>
  tryLater('notReached', 'no node that leads this shard could be reached in time; nothing was done; try again');

export const callsBusy = (): OperationError =>
  tryLater('busy', 'too many calls to other nodes wait for an answer; try again in a moment');

export const routerStopping = (): OperationError => tryLater('stopping', 'this node is stopping; try again');

/** A peer sent what cannot be. */
export const frameRefused = (why: string): OperationError =>
  refused('frameRefused', `a frame of another node was refused: ${why}; do both run a version that knows it?`);

/** A value that would break the link that carries it. */
export const doesNotFit = (what: string, why: string): OperationError =>
  refused('doesNotFit', `${what} cannot travel to another node: ${why}; do it in smaller steps`);

export const bodiesBusy = (): OperationError =>
  tryLater('busy', 'too many large bodies are on their way between these nodes; try again in a moment');

export const bodyBroken = (): OperationError =>
  tryLater('bodyBroken', 'a body did not arrive as it was sent; try again');

export const bodyElsewhere = (hash: string): OperationError =>
  tryLater('bodyElsewhere', `the body ${hash} is on no node that answers now; try again when all nodes are back`);

export const bodyMissing = (hash: string): OperationError => refused('bodyMissing', `there is no body ${hash}`);

/** Some shards have no leader, or a node that leads some did not answer: a list without them would be wrong. */
export const listIncomplete = (why: string): OperationError =>
  tryLater('listIncomplete', `the list would not be whole: ${why}; try again in a moment`);

export const topicUnknown = (topic: string): OperationError =>
  refused('unknownTopic', `no other node may ask for "${topic}"; is this node older than the one that asks?`);
