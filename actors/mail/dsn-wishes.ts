/** What a sender asks to hear of a mail, wherever it goes (RFC 3461 §4). */

/** When he wants to hear of a recipient (§4.1). */
export type NotifyOn = 'never' | 'success' | 'failure' | 'delay';

/** What he asked for with MAIL (§4.3, §4.4). */
export interface DsnRequest {
  readonly ret: 'full' | 'headers' | null;
  readonly envelopeId: string | null;
}

/** All that he asked for of one recipient. `notify` and `orcpt` as in `RemoteRecipient`. */
export interface DsnWishes {
  readonly notify: readonly NotifyOn[] | null;
  readonly orcpt: string | null;
  readonly dsn: DsnRequest;
}

export const nothingWished: DsnWishes = { notify: null, orcpt: null, dsn: { ret: null, envelopeId: null } };

/** §4.1: without NOTIFY of what goes wrong and of delay. */
export function wantsReport({ notify }: Pick<DsnWishes, 'notify'>, kind: Exclude<NotifyOn, 'never'>): boolean {
  return notify === null ? kind !== 'success' : notify.includes(kind);
}
