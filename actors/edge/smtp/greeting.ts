/** EHLO and HELO (RFC 5321 §4.1.1.1): who speaks, and what we can do. */
import type { Dialogue, Verb } from './dialogue.ts';
import { type Reply, replies } from './replies.ts';

/** RFC 5321 §4.5.3.1.2: a domain has at most 255 octets. What the name is worth is not judged: it goes into Received only. */
const nameLengthMax = 255;

export const ehloVerb: Verb = {
  needs: 'nothing',
  run(dialogue, argument) {
    if (!isName(argument)) return dialogue.reply(replies.heloArgument);
    dialogue.greet(argument, true);
    dialogue.reply(capabilities(dialogue));
  },
};

export const heloVerb: Verb = {
  needs: 'nothing',
  run(dialogue, argument) {
    if (!isName(argument)) return dialogue.reply(replies.heloArgument);
    dialogue.greet(argument, false);
    dialogue.reply({ code: 250, enhanced: '', lines: [dialogue.edge.hostname] });
  },
};

/** RFC 5321 §3.1. Without an enhanced code (RFC 2034 §4). */
export function greeting(hostname: string): Reply {
  return { code: 220, enhanced: '', lines: [`${hostname} ESMTP Ringpost`] };
}

function capabilities({ edge, canStartTls, role, takesPasswords }: Dialogue): Reply {
  const isSubmission = role === 'submission';
  const lines = [
    edge.hostname,
    'PIPELINING',
    `SIZE ${edge.limits.messageBytesMax}`,
    '8BITMIME',
    'SMTPUTF8',
    'ENHANCEDSTATUSCODES',
    ...(isSubmission ? ['DSN'] : []),
    ...(canStartTls ? ['STARTTLS'] : []),
    // RFC 4954 §4: PLAIN only where it cannot be overheard.
    ...(isSubmission && takesPasswords ? ['AUTH PLAIN LOGIN'] : []),
    'HELP',
  ];
  return { code: 250, enhanced: '', lines };
}

function isName(argument: string): boolean {
  return argument !== '' && argument.length <= nameLengthMax && !argument.includes(' ');
}
