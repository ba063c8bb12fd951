/**
 * Every bound of the courier, with its reason. Times are those of RFC 5321 §4.5.3.2 where it names one; each is the whole
 * time of one reply, however it drips in. Tests hand in shorter ones.
 */
export interface CourierLimits {
  /** For one address: a host that is down answers nothing at all, so the other hosts should have their turn soon. */
  readonly connectMsMax: number;
  /** §4.5.3.2.1 */
  readonly greetingMsMax: number;
  /** From the connection on until mail may be sent: greeting, EHLO, STARTTLS, EHLO, AUTH. */
  readonly openMsMax: number;
  /** §4.5.3.2.2, §4.5.3.2.3 */
  readonly commandMsMax: number;
  /** §4.5.3.2.4 */
  readonly dataMsMax: number;
  /** §4.5.3.2.5: of one block of a mail, until the system has taken it. */
  readonly blockMsMax: number;
  /** §4.5.3.2.6 */
  readonly dotMsMax: number;
  /** Polite, and no more: the result is known already. */
  readonly quitMsMax: number;
  /**
   * An attempt ends so long before the queue takes it for lost, so that its result still comes in time; and a mail that waited
   * in hand is not begun when no more is left until that end.
   */
  readonly attemptMarginMs: number;

  /** One line of a reply. RFC 5321 §4.5.3.1.5 has 512; real ones are longer now and then. */
  readonly replyLineBytesMax: number;
  /** One reply, all its lines. */
  readonly replyBytesMax: number;
  readonly replyTextCharactersMax: number;
  /** What is told in one `finish`: the queue writes all of it in one turn, and a turn has its bounds. */
  readonly finishRecipientsMax: number;
  readonly finishTextBytesMax: number;

  /** Hosts and addresses that one dialogue tries, so that a domain with 100 MX records does not hold its place for hours. */
  readonly hostsMax: number;
  readonly addressesPerHostMax: number;

  /** Mails of the first `begin`: of a server that is not known yet, few are in hand when it proves slow. */
  readonly firstMailsMax: number;
  /** Mails that one answer of the queue brings. Each is in doubt when this thread dies. */
  readonly mailsMax: number;
  /** Ask for as many mails as take about this long, judged by those before. */
  readonly mailsMs: number;
  /** A result waits so long for others that could share its commit, while the dialogue goes on. */
  readonly resultWaitMs: number;
  /** Wait before a `finish` that was not taken is sent again; doubles up to the next. */
  readonly repeatMsMin: number;
  readonly repeatMsMax: number;
  /** How long `confirm` is asked again while the core is busy; then nothing is sent. */
  readonly confirmMsMax: number;

  /** A body up to this is read at once; a larger one in pieces of this, each when the one before is on its way. */
  readonly pieceBytes: number;

  /** A dialogue without any reply of the server for so long counts as silent. */
  readonly silentMs: number;
  /** Part of the connections that silent dialogues may hold while others wait; then the oldest one is cut off. */
  readonly silentShare: number;
  /** A domain with dialogues that got no further one is asked again no sooner than this. */
  readonly askAgainMs: number;
  /** Domains that wait for a connection. Further ones are not noted: their queue tells again. */
  readonly domainsWaitingMax: number;
  /** Reports that are being written, together; a page that comes again later is how the others are met. */
  readonly reportsInHandMax: number;
  readonly reportsAtOnceMax: number;

  /** Names in the resolver's memory. */
  readonly dnsNamesMax: number;
  /** Where the library does not tell a time to live (MX), or none exists. */
  readonly dnsTtlMs: number;
  readonly dnsNegativeTtlMs: number;
  readonly dnsTtlMsMax: number;
  /** For one question, all tries. */
  readonly dnsMsMax: number;
}

const second = 1_000;
const minute = 60 * second;

export const courierLimits: CourierLimits = {
  connectMsMax: 30 * second,
  greetingMsMax: 5 * minute,
  openMsMax: 6 * minute,
  commandMsMax: 5 * minute,
  dataMsMax: 2 * minute,
  blockMsMax: 3 * minute,
  dotMsMax: 10 * minute,
  quitMsMax: 2 * second,
  attemptMarginMs: 15 * second,

  replyLineBytesMax: 8 * 1024,
  replyBytesMax: 64 * 1024,
  replyTextCharactersMax: 1_000,
  finishRecipientsMax: 200,
  finishTextBytesMax: 64 * 1024,

  hostsMax: 5,
  addressesPerHostMax: 2,

  firstMailsMax: 5,
  mailsMax: 20,
  mailsMs: 500,
  resultWaitMs: 500,
  repeatMsMin: 100,
  repeatMsMax: 5 * second,
  confirmMsMax: 20 * second,

  pieceBytes: 256 * 1024,

  silentMs: 3 * second,
  silentShare: 0.5,
  askAgainMs: 200,
  domainsWaitingMax: 100_000,
  reportsInHandMax: 1_000,
  reportsAtOnceMax: 4,

  dnsNamesMax: 5_000,
  dnsTtlMs: 5 * minute,
  dnsNegativeTtlMs: minute,
  dnsTtlMsMax: 60 * minute,
  dnsMsMax: 20 * second,
};
