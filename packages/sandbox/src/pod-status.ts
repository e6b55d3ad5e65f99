/** How a simulated pod looks to the API. */
export type PodAppearance = 'running' | 'unready' | 'crashing' | 'unpulled' | 'failed' | 'succeeded';

interface Look {
  readonly phase: 'Running' | 'Pending' | 'Failed' | 'Succeeded';
  readonly ready: boolean;
  /** State, last state and restarts of each container, YAML indented by two. */
  readonly container: string;
  readonly reason?: string;
}

const terminated = (code: number, reason: string) =>
  `terminated: { exitCode: ${code}, reason: ${reason}, startedAt: {{ $now | Quote }}, finishedAt: {{ $now | Quote }} }`;
const waiting = (reason: string, message: string) =>
  `waiting: { reason: ${reason}, message: ${JSON.stringify(message)} }`;
const running = 'running: { startedAt: {{ $now | Quote }} }';

const looks: Readonly<Record<PodAppearance, Look>> = {
  running: { phase: 'Running', ready: true, container: `started: true\n  state: { ${running} }` },
  unready: {
    phase: 'Running',
    ready: false,
    reason: 'ContainersNotReady',
    container: `started: true\n  state: { ${running} }`,
  },
  crashing: {
    phase: 'Running',
    ready: false,
    reason: 'ContainersNotReady',
    container:
      `started: false\n  state: { ${waiting('CrashLoopBackOff', 'back-off 40s restarting failed container (simulated)')} }\n` +
      // When it ended is not told: nobody tries a simulated container again.
      `  lastState: { terminated: { exitCode: 1, reason: Error } }`,
  },
  unpulled: {
    phase: 'Pending',
    ready: false,
    reason: 'ContainersNotReady',
    container: `started: false\n  state: { ${waiting('ImagePullBackOff', 'Back-off pulling image (simulated)')} }`,
  },
  failed: {
    phase: 'Failed',
    ready: false,
    reason: 'PodFailed',
    container: `started: false\n  state: { ${terminated(1, 'Error')} }`,
  },
  succeeded: {
    phase: 'Succeeded',
    ready: false,
    reason: 'PodCompleted',
    container: `started: false\n  state: { ${terminated(0, 'Completed')} }`,
  },
};

/** Addresses are given once: a pod that has ended keeps its own, and another one would be refused. */
const network = `{{ with NodeIPsWith .spec.nodeName }}
hostIP: {{ index . 0 | Quote }}
hostIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
{{ with PodIPsWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
podIP: {{ index . 0 | Quote }}
podIPs:
{{ range . }}
- ip: {{ . | Quote }}
{{ end }}
{{ end }}
`;

function isOver(appearance: PodAppearance): boolean {
  return appearance === 'failed' || appearance === 'succeeded';
}

/** The Go template of a pod's status for an appearance, as a KWOK stage takes it. */
export function podStatus(appearance: PodAppearance): string {
  const { phase, ready, container, reason } = looks[appearance];
  const restarts = appearance === 'crashing' ? 3 : 0;
  const condition = (type: string, isTrue: boolean) =>
    `- type: ${type}\n  status: "${isTrue ? 'True' : 'False'}"\n  lastTransitionTime: {{ $now | Quote }}\n` +
    (isTrue || !reason ? '' : `  reason: ${reason}\n`);
  return `{{ $now := Now }}
phase: ${phase}
startTime: {{ or .status.startTime $now | Quote }}
conditions:
${condition('PodScheduled', true)}${condition('Initialized', true)}${condition('ContainersReady', ready)}${condition('Ready', ready)}
{{ range .spec.readinessGates }}
- type: {{ .conditionType | Quote }}
  status: "True"
  lastTransitionTime: {{ $now | Quote }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: ${ready}
  restartCount: ${restarts}
  ${container}
{{ end }}
{{ with .spec.initContainers }}
initContainerStatuses:
{{ range . }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  imageID: ""
  ready: true
  restartCount: 0
  {{ if eq (or .restartPolicy "") "Always" }}
  started: true
  state: { ${running} }
  {{ else }}
  state: { ${terminated(0, 'Completed')} }
  {{ end }}
{{ end }}
{{ end }}
${isOver(appearance) ? '' : network}`;
}
