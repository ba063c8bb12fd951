/**
 * A sender of mail behind an edge: hands mails in by the real routing code, and sends a mail again that was not answered,
 * with the same bytes in a new transaction, as SMTP clients do after a 451 or a lost reply.
 */
import { hash } from 'node:crypto';
import { submit } from '../../../actors/routing/submit.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { isTakenAtOnce, type SentMail } from '../oracle/mail-ledger.ts';
import type { Dice } from '../world/random.ts';
import type { SimWorld } from '../world/sim-world.ts';
import type { Edge } from './edge.ts';
import {
  addressOf,
  aliasAddress,
  forwardAddress,
  forwardTarget,
  hereDomain,
  mailboxIdOf,
  remoteDomains,
} from './setup.ts';
import { Unsure } from './sim-core.ts';

const attemptsMax = 4;
const strangerAddress = 'stranger@elsewhere.example';

interface Draft {
  readonly sender: string;
  readonly to: readonly string[];
  readonly mailboxIds: readonly string[];
  readonly remote: readonly string[];
}

export class SmtpClient {
  readonly #world: SimWorld;
  readonly #edge: Edge;
  readonly #dice: Dice;
  readonly #name: string;
  #count = 0;

  constructor(world: SimWorld, edge: Edge, name: string) {
    this.#world = world;
    this.#edge = edge;
    this.#dice = world.dice.split(`smtp ${name}`);
    this.#name = name;
  }

  async run(isOver: () => boolean): Promise<void> {
    const { timeline, plan } = this.#world;
    while (!isOver()) {
      await timeline.sleep(this.#dice.spread(plan.mix.pauseMs / 4, plan.mix.pauseMs * 2));
      await this.#send(this.#draft());
    }
  }

  async #send(draft: Draft): Promise<void> {
    const id = `${this.#name}.${++this.#count}`;
    const hasMessageId = this.#dice.chance(0.94);
    const bytes = this.#bytes(id, draft, hasMessageId);
    const mail = this.#world.oracle.mails.enter({
      body: { hash: hash('sha256', bytes, 'base64url'), sizeBytes: bytes.length },
      ...{ hasMessageId, flags: [], report: null },
      ...{ sender: draft.sender, mailboxIds: draft.mailboxIds, remote: draft.remote },
    });
    await handIn(this.#world, this.#edge, this.#dice, mail, draft.to, bytes, hasMessageId ? attemptsMax : 1);
  }

  #draft(): Draft {
    const { mix } = this.#world.plan;
    const dice = this.#dice;
    const all = Array.from({ length: mix.mailboxes }, (_, i) => i);
    const local = (count: number) => {
      const chosen = dice.some(all, count);
      return { to: chosen.map(addressOf), mailboxIds: chosen.map(mailboxIdOf), remote: [] as string[] };
    };
    const remote = (count: number) => {
      const to = Array.from({ length: count }, () => `r${dice.whole(1, 9)}@${dice.pick(remoteDomains)}`);
      return { to: [...new Set(to)], mailboxIds: [] as string[], remote: [...new Set(to)] };
    };
    const join = (...parts: ReturnType<typeof local>[]): Draft => ({
      sender: addressOf(dice.pick(all)),
      to: parts.flatMap(({ to }) => to),
      mailboxIds: [...new Set(parts.flatMap(({ mailboxIds }) => mailboxIds))],
      remote: [...new Set(parts.flatMap((part) => part.remote))],
    });
    const kind = dice.fraction();
    if (kind < 0.5) return { ...join(local(1)), sender: dice.chance(0.5) ? strangerAddress : addressOf(0) };
    if (kind < 0.65) return join(local(dice.whole(2, 3)));
    if (kind < 0.72) return join({ to: [aliasAddress], mailboxIds: [mailboxIdOf(0), mailboxIdOf(1)], remote: [] });
    if (kind < 0.76) return join({ to: [forwardAddress], mailboxIds: [mailboxIdOf(0)], remote: [forwardTarget] });
    if (kind < 0.79) return { ...join(local(1)), to: [addressOf(0), `nobody@${hereDomain}`], mailboxIds: [] };
    if (kind < 0.91) return join(remote(dice.whole(1, 3)));
    return join(local(dice.whole(1, 2)), remote(dice.whole(1, 2)));
  }

  #bytes(id: string, { sender, to }: Draft, hasMessageId: boolean): Uint8Array<ArrayBuffer> {
    const fillerBytes = this.#dice.chance(0.04) ? this.#dice.whole(70_000, 150_000) : this.#dice.whole(50, 1_500);
    const head = [`From: <${sender}>`, `To: ${to.join(', ')}`, `Subject: mail ${id}`];
    if (hasMessageId) head.push(`Message-ID: <${id}@sim.example>`);
    const line = `${id} ${'.'.repeat(70)}\r\n`;
    const text = `${head.join('\r\n')}\r\n\r\n${line.repeat(Math.ceil(fillerBytes / line.length))}`;
    return new Uint8Array(Buffer.from(text));
  }
}

/** Until it is accepted, refused for good, or given up. */
export async function handIn(
  world: SimWorld,
  edge: Edge,
  dice: Dice,
  mail: SentMail,
  to: readonly string[],
  bytes: Uint8Array<ArrayBuffer>,
  attempts: number,
): Promise<void> {
  const { oracle, timeline } = world;
  oracle.mails.opened(mail);
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      const { mailId } = await submit(
        { core: edge.core, clock: edge.clock, random: edge.random, hostname: hereDomain },
        {
          ...{ reversePath: mail.report === null ? mail.sender : '', submitter: null, smtpUtf8: false },
          recipients: to.map((address) => ({ address, notify: null, orcpt: null })),
          ...{ bytes, dsn: { ret: null, envelopeId: null }, received: null, sentCopy: null, signs: false },
          principal: { kind: 'anonymous', id: 'smtp' },
        },
      );
      mail.mailIds.add(mailId);
      oracle.mails.acceptedNow(mail, timeline.nowMs);
      if (isTakenAtOnce(mail)) oracle.box(mail.mailboxIds[0]!).accepted(mail, timeline.nowMs);
      world.note(`mail ${mail.number} accepted`);
      break;
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      if (error instanceof Unsure) mail.isUnsure = true;
      world.note(`mail ${mail.number} ${error.code}${error instanceof Unsure ? ' (unsure)' : ''}`);
      if (!error.transient && !(error instanceof Unsure)) break;
    }
    await timeline.sleep(dice.spread(50, 3_000));
  }
  oracle.mails.closed(mail);
}
