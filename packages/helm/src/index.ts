export { isPackedSubchart, readChartArchive, withoutArchives } from './chart-contents.ts';
export { type ChartContents, readChartFile, readDependencies } from './chart-file.ts';
export { badChart } from './errors.ts';
export { keepPulls } from './keep-pulls.ts';
export {
  type KubernetesYaml,
  KubernetesYamlError,
  type KubernetesYamlOptions,
  openList,
  readKubernetesYaml,
} from './kubernetes-yaml.ts';
export { leanGo } from './lean-go.ts';
export { createPull, type PullChart, type RemoteChart } from './pull-chart.ts';
export { placeChart, type ReadChart, readChart } from './read-chart.ts';
export { type Subchart, subchartsOf } from './subcharts.ts';
