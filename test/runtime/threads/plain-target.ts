/** A core for tests: it answers by the command's kind and remembers what it was asked. */
import type { CommandRequest, QueryRequest, Settle } from '../../../runtime/actor/request.ts';
import { refused, tryLater } from '../../../runtime/base/errors.ts';
import type { BodyRange, CoreTarget } from '../../../runtime/threads/core-target.ts';

export class PlainTarget implements CoreTarget {
  readonly shardCount = 16;
  readonly asked: CommandRequest[] = [];
  readonly counted: (readonly [string, Readonly<Record<string, string>>, number])[] = [];
  readonly topics = new Map<string, (value: unknown) => void>();
  /** Busy so many times, then served. */
  busyTimes = 0;

  ask(request: CommandRequest, settle: Settle): void {
    this.asked.push(request);
    const command = request.command as { readonly kind: string; readonly value?: unknown };
    if (this.busyTimes > 0) {
      this.busyTimes--;
      settle({ ok: false, error: tryLater('busy', 'later').data });
    } else if (command.kind === 'refuse') {
      throw refused('noSuchUser', 'no such user');
    } else if (command.kind === 'echo') {
      setImmediate(settle, { ok: true, answer: command.value });
    }
    // Anything else gets no answer.
  }

  query(request: QueryRequest, settle: Settle): void {
    settle({ ok: true, answer: { key: request.key, query: request.query, principal: request.principal } });
  }

  async readBody(hash: string, range: BodyRange | undefined): Promise<Uint8Array> {
    if (hash === 'missing') throw refused('bodyMissing', 'no such body');
    return new Uint8Array(range?.length ?? 100).fill(range?.offset ?? 1);
  }

  subscribe(topic: string, listener: (value: unknown) => void): () => void {
    this.topics.set(topic, listener);
    listener(`${topic} now`);
    return () => this.topics.delete(topic);
  }

  async inspect(topic: string, argument: unknown): Promise<unknown> {
    return { topic, argument };
  }

  count(metric: string, labels: Readonly<Record<string, string>>, by: number): void {
    this.counted.push([metric, labels, by]);
  }
}
