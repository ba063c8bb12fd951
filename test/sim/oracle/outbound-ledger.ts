/**
 * Mail that leaves, as the remote servers know it: what they took at the dot. A second time is allowed only where the
 * attempts before are in the in-doubt ledger; and in the end each recipient has the mail, or is in a queue, or its sender
 * was told, or it was dropped in doubt.
 */
import type { InDoubtEntry } from '../../../actors/delivery-domain/protocol.ts';
import type { MailLedger, SentMail } from './mail-ledger.ts';

interface Take {
  readonly attemptId: string;
  readonly atMs: number;
}

/** `<hash> <address>` */
export const shareName = (mail: Pick<SentMail, 'body'>, address: string): string => `${mail.body.hash} ${address}`;

export class OutboundLedger {
  takes = 0;
  doubles = 0;
  readonly #mails: MailLedger;
  readonly #fail: (text: string) => void;
  readonly #taken = new Map<string, Take[]>();

  constructor(mails: MailLedger, fail: (text: string) => void) {
    this.#mails = mails;
    this.#fail = (text) => fail(`outbound: ${text}`);
  }

  /** A remote server took it: from now on it is theirs. */
  took(hash: string, address: string, attemptId: string, nowMs: number): void {
    const mail = this.#mails.of(hash);
    if (mail === undefined) return this.#fail(`a mail left that nobody handed in, to ${address}`);
    if (!mail.remote.includes(address))
      return this.#fail(`mail ${mail.number} left for ${address}, which it was not for`);
    if (mail.outcome === 'refused') this.#fail(`mail ${mail.number} was refused and left for ${address}`);
    const name = shareName(mail, address);
    const takes = this.#taken.get(name) ?? [];
    if (takes.some((take) => take.attemptId === attemptId)) {
      this.#fail(`mail ${mail.number} left twice for ${address} in one attempt`);
    }
    takes.push({ attemptId, atMs: nowMs });
    this.#taken.set(name, takes);
    this.takes++;
  }

  /**
   * @param inDoubt all ledgers of all domains
   * @param queued shares that are in a queue still
   * @param reported shares of which a DSN is in the mailbox of their sender
   */
  atTheEnd(inDoubt: readonly InDoubtEntry[], queued: ReadonlySet<string>, reported: ReadonlySet<string>): void {
    const attempts = new Set(inDoubt.map(({ attemptId }) => attemptId));
    const dropped = new Set(
      inDoubt
        .filter(({ decided }) => decided === 'drop')
        .flatMap(({ mailId, recipients }) => recipients.map((address) => `${mailId} ${address}`)),
    );
    for (const mail of this.#mails.all) {
      for (const address of mail.remote) {
        const name = shareName(mail, address);
        const takes = this.#taken.get(name) ?? [];
        this.doubles += Math.max(0, takes.length - 1);
        const certain = takes.filter(({ attemptId }) => !attempts.has(attemptId));
        if (certain.length > 1) {
          const ids = certain.map(({ attemptId }) => attemptId).join(' ');
          this.#fail(`mail ${mail.number} left for ${address} ${takes.length} times; not in doubt: ${ids}`);
        }
        if (mail.outcome !== 'accepted') continue;
        const isDropped = [...mail.mailIds].some((mailId) => dropped.has(`${mailId} ${address}`));
        if (takes.length > 0 || queued.has(name) || reported.has(name) || isDropped) continue;
        this.#fail(`mail ${mail.number} to ${address} was accepted; it neither left nor waits nor was its sender told`);
      }
    }
  }
}
