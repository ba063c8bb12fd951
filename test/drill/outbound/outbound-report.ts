/** An outbound drill's result, as rows for people. */
import type { ReportRow } from '../report.ts';
import type { OutboundDrillResult } from './outbound-drill.ts';

export function outboundRows(result: OutboundDrillResult): readonly ReportRow[] {
  return [
    ['accepted', result.accepted, 'mails that were answered with 250'],
    ['delivered', result.delivered, 'recipients whom the far end has the mail for'],
    ['reported', result.reported, 'recipients of whom a DSN says that it failed'],
    [
      'queued',
      result.queued,
      result.isSettled ? 'recipients still in the queue' : 'still in the queue: it did not run empty',
    ],
    ['in doubt', result.leftInDoubt, 'recipients whose way ended in the in-doubt ledger'],
    ['lost', result.lost, 'accepted, and none of these; must be 0'],
    ['twice', result.doubledInDoubt, 'recipients with several copies, named in the in-doubt ledger as often'],
    ['doubled', result.doubled, 'the same, and not named there; must be 0'],
    [
      'DSN faults',
      result.reportedTwice + result.contradicted,
      'twice for one recipient, or for one who has it; must be 0',
    ],
    ['refused', result.refused, `of these found: ${result.refusedFound}, must be 0`],
    ['unknown', result.unknown, `no reply, not sent again; of these in part: ${result.torn}, must be 0`],
    ['resent', result.resent, 'sent again after a lost reply'],
    ['strays', result.strays, 'recipients to whom nobody sent; must be 0'],
  ];
}
