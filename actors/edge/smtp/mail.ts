/**
 * MAIL: begins a transaction (RFC 5321 §4.1.1.2; SIZE RFC 1870, BODY RFC 6152, SMTPUTF8 RFC 6531). For submission: only
 * after AUTH, only from an address of the account, and with RET and ENVID (RFC 3461).
 */
import { InvariantError } from '../../../runtime/base/invariant.ts';
import { OperationError } from '../../../runtime/base/errors.ts';
import { parseSender } from '../../mail/address.ts';
import { decodeXtext, dsnOfMail } from './dsn-parameters.ts';
import type { Account, Dialogue, Verb } from './dialogue.ts';
import { freshAccount, senderRefusal } from './sender-rights.ts';
import { type PathArgument, parsePathArgument } from './parameters.ts';
import { errorReply, type Reply, replies } from './replies.ts';

export const mailVerb: Verb = {
  needs: 'greeting',
  run(dialogue: Dialogue, argument: string): void {
    const { account, role, edge } = dialogue;
    if (role === 'submission' && account === null) {
      return dialogue.reply(dialogue.takesPasswords ? replies.authRequired : replies.tlsRequired);
    }
    const parsed = parsePathArgument('FROM:', argument);
    if (parsed === null) return dialogue.reply(replies.mailSyntax);
    if (dialogue.transaction !== null) return dialogue.reply(replies.nestedMail);
    const problem = parameterProblem(parsed, dialogue) ?? senderProblem(parsed);
    if (problem !== null) return dialogue.reply(problem);
    if (edge.isStorageLow) return dialogue.reply(replies.storageFull);
    if (account === null) dialogue.reply(begin(dialogue, parsed));
    else beginFor(dialogue, account, parsed);
  },
};

function begin(dialogue: Dialogue, { path, parameters }: PathArgument): Reply {
  const dsn = dsnOfMail(parameters);
  if (dsn === null) return replies.badParameter;
  dialogue.transaction = {
    reversePath: path,
    smtpUtf8: parameters.has('SMTPUTF8'),
    dsn,
    recipients: [],
    recipientsAsked: 0,
    recipientsWaiting: 0,
    destinations: 0,
  };
  return replies.senderOk;
}

/** Nothing else runs until it is known whether the account may say that it is from there. */
function beginFor(dialogue: Dialogue, account: Account, parsed: PathArgument): void {
  const { edge } = dialogue;
  const reply = dialogue.replyLater();
  const settled = async (): Promise<Reply> => {
    const [fresh, refusal] = await Promise.all([
      freshAccount(edge, account),
      parsed.path === '' ? null : senderRefusal(edge, account, parsed.path),
    ]);
    dialogue.account = fresh;
    if (fresh === null) return replies.accountGone;
    return refusal ?? begin(dialogue, parsed);
  };
  settled().then(reply, (error: unknown) => {
    if (error instanceof InvariantError) throw error;
    if (!(error instanceof OperationError)) edge.log.error({ err: error, trace: dialogue.trace }, 'MAIL failed');
    reply(errorReply(error));
  });
}

function parameterProblem({ parameters }: PathArgument, { edge, role }: Dialogue): Reply | null {
  const { limits, budget } = edge;
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
      case 'RET':
      case 'ENVID':
        if (role !== 'submission') return replies.unknownParameter;
        break;
      case 'AUTH':
        // RFC 4954 §5: must be taken where AUTH is; we know who the client is and trust no word of another.
        if (role !== 'submission') return replies.unknownParameter;
        if (value === null || (value !== '<>' && decodeXtext(value) === undefined)) return replies.badParameter;
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
