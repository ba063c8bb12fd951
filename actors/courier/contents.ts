/** The contents of the mails that a dialogue has in hand: read one mail ahead, so that the next one need not be waited for. */
import type { CoreApi } from '../../runtime/threads/core-api.ts';
import type { Job } from '../delivery-domain/protocol.ts';
import { type MailContent, openContent } from './mail-content.ts';

interface Entry {
  readonly whole: Promise<MailContent | null>;
  /** Once it is here. */
  content: MailContent | null;
}

export class Contents {
  readonly #core: CoreApi;
  readonly #pieceBytes: number;
  readonly #entries = new Map<string, Entry>();

  constructor(core: CoreApi, pieceBytes: number) {
    this.#core = core;
    this.#pieceBytes = pieceBytes;
  }

  /** Begins to read it. */
  load(job: Job): Promise<MailContent | null> {
    const known = this.#entries.get(job.attemptId);
    if (known !== undefined) return known.whole;
    // Whatever the reason: the attempt's result says that the stored mail could not be read, and it is tried again.
    const whole = openContent(this.#core, job, this.#pieceBytes).catch(() => null);
    const entry: Entry = { whole, content: null };
    this.#entries.set(job.attemptId, entry);
    void whole.then((content) => {
      entry.content = content;
    });
    return whole;
  }

  /** If it is here already. */
  ready(job: Job): MailContent | null {
    return this.#entries.get(job.attemptId)?.content ?? null;
  }

  drop(job: Job): void {
    this.#entries.delete(job.attemptId);
  }
}
