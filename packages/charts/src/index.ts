export { type LintChartsRequest, lintCharts } from './lint-charts.ts';
export { spec } from './spec.ts';
export type { ReleaseValues } from './values-set.ts';
