/**
 * The house checks itself: reads the repository and holds it to the plan (§3) and the style.
 *
 * Each rule is one test, and fails with file, line and cure. That each can fail is shown in `tidy/*.test.ts`.
 */
import { fail } from 'node:assert/strict';
import { test } from 'node:test';
import { actorWalls } from './tidy/actor-walls.ts';
import { bannedCalls, neededAllowances } from './tidy/banned-calls.ts';
import { kebabNames, tellingNames } from './tidy/file-names.ts';
import { folderReadmes } from './tidy/folder-readmes.ts';
import { importDirections } from './tidy/import-directions.ts';
import { machinePaths, registryHosts, sleepingTests, stopMarks, testsSwitchedOff } from './tidy/left-behind.ts';
import { fileLength, functionLength, medianLength } from './tidy/lengths.ts';
import { packageHomes } from './tidy/package-homes.ts';
import { readRepository } from './tidy/repository.ts';
import { type Rule, report } from './tidy/rule.ts';

const rules: readonly Rule[] = [
  importDirections,
  actorWalls,
  packageHomes,
  bannedCalls,
  neededAllowances,
  fileLength,
  medianLength,
  functionLength,
  tellingNames,
  kebabNames,
  folderReadmes,
  stopMarks,
  machinePaths,
  registryHosts,
  testsSwitchedOff,
  sleepingTests,
];

const repository = readRepository();

for (const rule of rules) {
  void test(`tidy: ${rule.claim}`, () => {
    const findings = rule.find(repository);
    if (findings.length > 0) fail(report(rule, findings));
  });
}
