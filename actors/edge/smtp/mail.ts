/** MAIL: begins a transaction (RFC 5321 §4.1.1.2; SIZE RFC 1870, BODY RFC 6152, SMTPUTF8 RFC 6531). */
import { OperationError } from '../../../runtime/base/errors.ts';
import { parseSender } from '../../mail/address.ts';
import type { Dialogue, Edge, Verb } from './dialogue.ts';
import { type PathArgument, parsePathArgument } from './parameters.ts';
import { type Reply, replies } from './replies.ts';

export const mailVerb: Verb = {
  needs: 'greeting',
  run(dialogue: Dialogue, argument: string): void {
    const parsed = parsePathArgument('FROM:', argument);
    if (parsed === null) return dialogue.reply(replies.mailSyntax);
    if (dialogue.transaction !== null) return dialogue.reply(replies.nestedMail);
    const problem = parameterProblem(parsed, dialogue.edge) ?? senderProblem(parsed);
    if (problem !== null) return dialogue.reply(problem);
    if (dialogue.edge.isStorageLow) return dialogue.reply(replies.storageFull);
    dialogue.transaction = {
      reversePath: parsed.path,
      smtpUtf8: parsed.parameters.has('SMTPUTF8'),
      recipients: [],
      recipientsAsked: 0,
      recipientsWaiting: 0,
      mailboxes: 0,
    };
    dialogue.reply(replies.senderOk);
  },
};

function parameterProblem({ parameters }: PathArgument, { limits, budget }: Edge): Reply | null {
  for (const [name, value] of parameters) {
    switch (name) {
      case 'SIZE': {
        // RFC 1870 §3: 1*20DIGIT. The client's word decides nothing but this early refusal: DATA counts for itself.
        if (value === null || !/^\d{1,20}$/.test(value)) return replies.badParameter;
        if (Number(value) > limits.messageBytesMax) return replies.tooBig;
        if (Number(value) > budget.bytesMax - budget.usedBytes) return replies.memoryFull;
        break;
      }
      case 'BODY':
        if (value === null || !/^(?:7BIT|8BITMIME)$/i.test(value)) return replies.badParameter;
        break;
      case 'SMTPUTF8':
        if (value !== null) return replies.badParameter;
        break;
      default:
        // RFC 5321 §4.1.1.11
        return replies.unknownParameter;
    }
  }
  return null;
}

function senderProblem({ path, parameters }: PathArgument): Reply | null {
  if (path === '') return null;
  try {
    parseSender(path);
  } catch (error) {
    // A sender may be known by its IP address only (RFC 5321 §4.1.3); nothing is resolved or sent there.
    const isLiteral = error instanceof OperationError && error.code === 'addressLiteral';
    if (!isLiteral) return replies.badSender;
  }
  return isNonAscii(path) && !parameters.has('SMTPUTF8') ? replies.needsSmtpUtf8 : null;
}

/** RFC 6531 §3.4: only with the SMTPUTF8 parameter of MAIL. */
export function isNonAscii(path: string): boolean {
  return /[^\0-\x7f]/.test(path);
}
