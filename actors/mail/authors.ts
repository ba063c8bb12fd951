/** Who a mail says it is from (RFC 5322 §3.6.2): what a submission must be allowed to say, and whose domain signs it. */
import { isUtf8 } from 'node:buffer';
import { addressList } from './address-list.ts';
import { headerFields } from './header-fields.ts';

export interface Authors {
  /** Of the one From field; null when there is none, more than one, or one that is malformed. */
  readonly from: readonly string[] | null;
  /** Of Sender; empty when there is none, null as with `from`. */
  readonly sender: readonly string[] | null;
  /** Of all Resent-From and Resent-Sender (RFC 5322 §3.6.6); empty when there is none, null when one is malformed. */
  readonly resent: readonly string[] | null;
}

export function authorsOf(bytes: Uint8Array): Authors {
  const values = (wanted: string): (readonly string[] | null)[] =>
    fields
      .filter(({ name }) => name === wanted)
      .map(({ valueFrom, to }) => addressList(textOf(bytes.subarray(valueFrom, to))));
  const { fields } = headerFields(bytes);
  const [from = null, ...otherFrom] = values('from');
  const [sender = [], ...otherSender] = values('sender');
  const resent = [...values('resent-from'), ...values('resent-sender')];
  return {
    from: otherFrom.length > 0 ? null : from,
    sender: otherSender.length > 0 || (sender?.length ?? 0) > 1 ? null : sender,
    resent: resent.every((list) => list !== null) ? resent.flat() : null,
  };
}

/** RFC 6532 has UTF-8 in headers; bytes that are neither that nor ASCII are no part of an address. */
function textOf(value: Uint8Array): string {
  return isUtf8(value) ? Buffer.from(value).toString('utf8') : '\uFFFF\0';
}
