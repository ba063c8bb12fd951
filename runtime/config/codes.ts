/** Every code with which a node's configuration is refused. All are for the operator at start, so none is transient. */
import { type OperationError, refused } from '../base/errors.ts';

export const unknownConfigKey = (key: string, source: string, near: string | null): OperationError =>
  refused(
    'unknownConfigKey',
    `${source}: there is no key ${key}; ${near === null ? '`ringpost config describe` lists them' : `did you mean ${near}?`}`,
  );

export const badConfigValue = (text: string): OperationError => refused('badConfigValue', text);

export const badConfigSet = (text: string): OperationError =>
  refused('badConfigSet', `--set ${text}: it is written key=value, e.g. --set smtp.listen=127.0.0.1:2525`);

export const configFileUnreadable = (path: string, cause: unknown): OperationError =>
  refused('configFileUnreadable', `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);

export const badConfigFile = (path: string, cause: unknown): OperationError =>
  refused('badConfigFile', `${path} is no TOML: ${cause instanceof Error ? cause.message : String(cause)}`);

export const dataInNodeFile = (path: string): OperationError =>
  refused(
    'dataInNodeFile',
    `${path} says where the data are, and lies among them. Cure: take the key data out of it; --data DIR names them`,
  );

export const firstSettingsDamaged = (path: string): OperationError =>
  refused(
    'firstSettingsDamaged',
    `${path} is no list of settings. Cure: remove it, and give the cluster its settings with ringpost set`,
  );
