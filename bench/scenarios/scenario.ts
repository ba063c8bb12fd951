/** What a scenario is: its defaults, and a run that ends in a report. */
import type { Report } from '../report.ts';
import type { ScenarioDefaults, Settings } from '../settings.ts';

export interface Scenario {
  /** One line for the usage text. */
  readonly what: string;
  readonly defaults: ScenarioDefaults;
  /** @param progress says on stderr what is under way, since a run takes minutes */
  run(settings: Settings, progress: (text: string) => void): Promise<Report>;
}
