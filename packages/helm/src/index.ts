export { isPackedSubchart, readChartArchive, withoutArchives } from './chart-contents.ts';
export { type ChartContents, readChartFile } from './chart-file.ts';
export { badChart } from './errors.ts';
export { createPull, type PullChart, type RemoteChart } from './pull-chart.ts';
export { placeChart, type ReadChart, readChart } from './read-chart.ts';
export { subchartsOf } from './subcharts.ts';
