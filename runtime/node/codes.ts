/** Every code that a node refuses to start with, beside those of its data, its configuration and its certificate. */
import { type OperationError, refused } from '../base/errors.ts';

export const addressTaken = (key: string, address: string): OperationError =>
  refused(
    'addressTaken',
    `${key}: ${address} is in use by another program. Cure: stop that program (ss -ltnp shows it), or ` +
      `choose another address with --set ${key}=ADDRESS:PORT`,
  );

export const addressNotPermitted = (key: string, address: string): OperationError =>
  refused(
    'addressNotPermitted',
    `${key}: this user may not listen on ${address}. Cure: give the program CAP_NET_BIND_SERVICE (with systemd: ` +
      `AmbientCapabilities=CAP_NET_BIND_SERVICE), or choose a port above 1023 with --set ${key}=ADDRESS:PORT`,
  );

export const addressNotHere = (key: string, address: string): OperationError =>
  refused(
    'addressNotHere',
    `${key}: ${address} is no address of this machine. Cure: choose one of its own (ip address shows them) with ` +
      `--set ${key}=ADDRESS:PORT`,
  );

export const addressUnusable = (key: string, address: string, why: string): OperationError =>
  refused(
    'addressUnusable',
    `${key}: cannot listen on ${address}: ${why}. Cure: choose another address with --set ${key}=ADDRESS:PORT`,
  );
