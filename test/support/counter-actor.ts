/** A small actor that uses the whole contract: the engine's tests need no mail. */
import { type ActorKind, Continue, defineActor } from '../../runtime/actor/actor.ts';
import { refused } from '../../runtime/base/errors.ts';

export type CounterCommand =
  | { readonly kind: 'add'; readonly by: number }
  | { readonly kind: 'fail' }
  | { readonly kind: 'refuse' }
  /** Adds one, `times` times, a turn each. */
  | { readonly kind: 'addSlowly'; readonly times: number }
  | { readonly kind: 'tell'; readonly to: readonly string[]; readonly by: number }
  | { readonly kind: 'addLater'; readonly name: string; readonly dueMs: number }
  | { readonly kind: 'forgetLater'; readonly name: string }
  | { readonly kind: 'write'; readonly rows: number }
  | { readonly kind: 'list'; readonly limit: number; readonly reverse: boolean }
  | { readonly kind: 'keep'; readonly hash: string; readonly tag: string }
  | { readonly kind: 'drop'; readonly hash: string; readonly tag: string }
  | { readonly kind: 'readRows'; readonly count: number };

export interface CounterProtocol {
  command: CounterCommand;
  query: { readonly kind: 'value' };
  notice: { readonly kind: 'add'; readonly by: number };
  answers: { add: number; value: number };
}

export const counters = defineActor<CounterProtocol>('counter');

/** Set by a test: notices to these keys throw. */
export const failingKeys = new Set<string>();

const value = ['value'];

export const counterKind: ActorKind<CounterProtocol> = {
  kind: 'counter',
  rowVersion: 1,
  command(turn, command) {
    const now = turn.get<number>(value) ?? 0;
    switch (command.kind) {
      case 'add':
        turn.put(value, now + command.by);
        turn.record({ subject: turn.key, kind: 'added', detail: { by: command.by } });
        return now + command.by;
      case 'fail':
        turn.put(value, -1);
        throw new Error('a bug');
      case 'refuse':
        turn.put(value, -1);
        throw refused('no', `the value is ${now}`);
      case 'addSlowly':
        turn.put(value, now + 1);
        return command.times > 1 ? new Continue({ ...command, times: command.times - 1 }) : now + 1;
      case 'tell':
        turn.put(value, now + 1);
        for (const key of command.to) turn.tell(counters.ref(key), { kind: 'add', by: command.by });
        return null;
      case 'addLater':
        turn.setTimer(command.name, command.dueMs);
        return null;
      case 'forgetLater':
        turn.clearTimer(command.name);
        return null;
      case 'write':
        for (let i = 0; i < command.rows; i++) turn.put(['row', i], i);
        return null;
      case 'list': {
        const { limit, reverse } = command;
        return turn.range<number>({ prefix: ['row'], limit, reverse }).map((row) => row.value);
      }
      case 'keep':
        turn.holdBody({ hash: command.hash, sizeBytes: 1 }, command.tag);
        return null;
      case 'drop':
        turn.releaseBody(command.hash, command.tag);
        return null;
      case 'readRows':
        for (let i = 0; i < command.count; i++) turn.get(['absent', i]);
        return null;
    }
  },
  query: (view) => view.get<number>(value) ?? 0,
  notice(turn, notice) {
    if (failingKeys.has(turn.key)) throw new Error('cannot take it');
    turn.put(value, (turn.get<number>(value) ?? 0) + notice.by);
  },
  timer(turn) {
    turn.put(value, (turn.get<number>(value) ?? 0) + 1);
  },
};
