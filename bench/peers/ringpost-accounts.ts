/** The accounts of the bench, made by the admin API of one node. The one place that knows the form of these calls. */
import { benchAddress, benchDomain } from '../load/recipients.ts';
import { adminCall } from './admin-call.ts';

/** Accounts in one call. */
const importBatch = 1000;

export async function addDomain(socketPath: string): Promise<void> {
  await adminCall(socketPath, 'domain-add', { domain: benchDomain, policy: {} });
}

/** Makes accounts number `from` to `count - 1`. @throws {Error} when one of them is not made */
export async function importAccounts(socketPath: string, from: number, count: number): Promise<void> {
  for (let first = from; first < count; first += importBatch) {
    const accounts = Array.from({ length: Math.min(importBatch, count - first) }, (_, i) => ({
      address: benchAddress(first + i),
    }));
    const { failed } = JSON.parse(await adminCall(socketPath, 'account-import', { accounts })) as ImportAnswer;
    // The call succeeds also when some of its accounts did not.
    const [example] = failed;
    if (example !== undefined) {
      const text = `${failed.length} accounts were not made, e.g. ${example.address}: ${example.error.text}`;
      throw new Error(`admin API, account-import: ${text}`);
    }
  }
}

/** What is read of the answer. */
interface ImportAnswer {
  readonly failed: readonly { readonly address: string; readonly error: { readonly text: string } }[];
}
