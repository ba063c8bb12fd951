/** RFC 2047 in one place. */
import { decodeWords } from 'postal-mime';

/** Text of a header field with its encoded words decoded; what is malformed stays as it is. */
export function decodeEncodedWords(text: string): string {
  if (!text.includes('=?')) return text;
  try {
    return decodeWords(text);
  } catch {
    // A header is written by strangers: whatever the decoder does not survive is shown undecoded.
    return text;
  }
}
