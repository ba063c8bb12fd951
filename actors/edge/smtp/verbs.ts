/** The dialogue as a table: to add a verb, add a row and a file. The short ones live here. */
import { authVerb } from './auth.ts';
import { dataVerb } from './data.ts';
import type { Verb } from './dialogue.ts';
import { ehloVerb, heloVerb } from './greeting.ts';
import { mailVerb } from './mail.ts';
import { rcptVerb } from './rcpt.ts';
import { type Reply, replies } from './replies.ts';

/** RFC 5321 §4.1.1.9: a NOOP may have an argument, which means nothing. */
const noopVerb: Verb = { needs: 'nothing', run: (dialogue) => dialogue.reply(replies.ok) };

/** RFC 5321 §4.1.1.5 */
const rsetVerb: Verb = {
  needs: 'nothing',
  run(dialogue, argument) {
    if (argument !== '') return dialogue.reply(replies.noArguments);
    dialogue.transaction = null;
    dialogue.reply(replies.ok);
  },
};

/** RFC 5321 §4.1.1.10 */
const quitVerb: Verb = {
  needs: 'nothing',
  run(dialogue, argument) {
    if (argument !== '') return dialogue.reply(replies.noArguments);
    dialogue.reply(replies.bye);
    dialogue.close();
  },
};

/** RFC 5321 §3.5.3, §7.3: who exists is told to nobody; RCPT says it to those who bring mail. */
const vrfyVerb: Verb = {
  needs: 'nothing',
  run: (dialogue, argument) => dialogue.reply(argument === '' ? replies.vrfySyntax : replies.cannotVerify),
};

/** RFC 3207 §4 */
const startTlsVerb: Verb = {
  needs: 'nothing',
  run(dialogue, argument) {
    if (argument !== '') return dialogue.reply(replies.noArguments);
    if (dialogue.tls !== null) return dialogue.reply(replies.tlsActive);
    if (!dialogue.canStartTls) return dialogue.reply(replies.tlsNotAvailable);
    dialogue.startTls();
  },
};

const helpVerb: Verb = { needs: 'nothing', run: (dialogue) => dialogue.reply(helpReply) };

const refusing = (reply: Reply): Verb => ({ needs: 'nothing', run: (dialogue) => dialogue.reply(reply) });

export const verbs: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['EHLO', ehloVerb],
  ['HELO', heloVerb],
  ['STARTTLS', startTlsVerb],
  ['AUTH', authVerb],
  ['MAIL', mailVerb],
  ['RCPT', rcptVerb],
  ['DATA', dataVerb],
  ['RSET', rsetVerb],
  ['NOOP', noopVerb],
  ['VRFY', vrfyVerb],
  ['HELP', helpVerb],
  ['QUIT', quitVerb],
  // Known, and not done here: 502 tells a client more than 500 (RFC 5321 §4.2.4).
  ['EXPN', refusing(replies.notImplemented)],
  ['BDAT', refusing(replies.notImplemented)],
  ['ETRN', refusing(replies.notImplemented)],
  ['TURN', refusing(replies.notImplemented)],
]);

const helpReply: Reply = {
  code: 214,
  enhanced: '2.0.0',
  lines: [
    'Ringpost takes mail for its local domains. Commands:',
    'EHLO HELO STARTTLS MAIL RCPT DATA RSET NOOP VRFY HELP QUIT',
  ],
};
