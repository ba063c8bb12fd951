/**
 * Results as the turns of a queue can take them: what is told in one `finish`. Pure.
 *
 * A remote server chooses the texts, so their bytes are bounded as the recipients are.
 */
import type { AttemptResult } from '../delivery-domain/protocol.ts';
import type { CourierLimits } from './limits.ts';

/** In order; at least one part, and only a result that is alone in its part may be above the bounds. */
export function partsOf(
  results: readonly AttemptResult[],
  limits: Pick<CourierLimits, 'finishRecipientsMax' | 'finishTextBytesMax'>,
): readonly (readonly AttemptResult[])[] {
  const parts: AttemptResult[][] = [[]];
  let recipientCount = 0;
  let textBytes = 0;
  for (const result of results) {
    const { length } = result.recipients;
    const bytes = result.recipients.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    recipientCount += length;
    textBytes += bytes;
    const isOver = recipientCount > limits.finishRecipientsMax || textBytes > limits.finishTextBytesMax;
    if (isOver && parts.at(-1)!.length > 0) {
      parts.push([]);
      recipientCount = length;
      textBytes = bytes;
    }
    parts.at(-1)!.push(result);
  }
  return parts;
}
