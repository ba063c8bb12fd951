/**
 * An actor as a table: kind of command or query -> the function that handles it. To add one, add a row and a function.
 *
 * Promises: the compiler holds every row to the answer that `protocol.ts` declares for it.
 */
import type { Continue } from '../runtime/actor/actor.ts';
import { refused } from '../runtime/base/errors.ts';

interface Kinded {
  readonly kind: string;
}

type AnswerOf<Answers, Kind> = Kind extends keyof Answers ? Answers[Kind] : never;

/** `Context` is a `Turn` for commands, a `View` for queries. */
export type CommandTable<Context, Message extends Kinded, Answers> = {
  readonly [Kind in Message['kind']]: (
    context: Context,
    message: Message & { readonly kind: Kind },
  ) => AnswerOf<Answers, Kind> | Continue<Message>;
};

/** @throws {OperationError} `unknownCommand`: a newer node asks for what this one has not learned yet */
export function runCommand<Context, Message extends Kinded, Answers>(
  table: CommandTable<Context, Message, Answers>,
  context: Context,
  message: Message,
): unknown {
  const rows: Readonly<Record<string, unknown>> = table;
  const run = Object.hasOwn(rows, message.kind) ? rows[message.kind] : undefined;
  if (run === undefined) {
    throw refused('unknownCommand', `this node does not know "${message.kind}"; is it older than the one that asks?`);
  }
  return (run as (context: Context, message: Message) => unknown)(context, message);
}
