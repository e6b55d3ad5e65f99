import { parse } from 'yaml';

/** An object in two versions of a chart, as a template; absent: the chart does not hold it then. */
export interface UpgradePair {
  readonly before?: string;
  readonly after?: string;
}

type Pairs = Readonly<Record<string, UpgradePair>>;

// Kind, name and what it holds are one line each: what charts do is read in pairs.
const text = `# None changes a field that cannot be changed.
inPlace:
  renamed object:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "old-name"},data: {a: "b"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "new-name"},data: {a: "b"}}
  renamedNew:
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "added"},data: {a: "b"}}
  kind changed:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "kind"},spec: {replicas: 0,selector: {matchLabels: {app: "kind"}},template: {metadata: {labels: {app: "kind"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "StatefulSet",metadata: {name: "kind"},spec: {replicas: 0,serviceName: "kind",selector: {matchLabels: {app: "kind"}},template: {metadata: {labels: {app: "kind"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
  keys removed and added:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "keys"},data: {a: "1",b: "2"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "keys"},data: {b: "3",c: "4"}}
  data gone:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "gone"},data: {a: "1"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "gone"}}
  data null:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "null"},data: {a: "1"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "null"},data: null}
  data empty:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "empty"},data: {a: "1"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "empty"},data: {}}
  key null:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "key-null"},data: {a: "1",b: "2"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "key-null"},data: {a: "1",b: null}}
  data to binaryData:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "binary"},data: {a: "text"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "binary"},binaryData: {a: "dGV4dA=="}}
  made immutable:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "frozen"},data: {a: "1"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "frozen"},immutable: true,data: {a: "2"}}
  secret data to stringData:
    before: {apiVersion: "v1",kind: "Secret",metadata: {name: "secret-string"},data: {a: "YQ==",b: "Yg=="}}
    after: {apiVersion: "v1",kind: "Secret",metadata: {name: "secret-string"},stringData: {a: "changed"}}
  secret stringData loses a key:
    before: {apiVersion: "v1",kind: "Secret",metadata: {name: "secret-key"},stringData: {a: "a",b: "b"}}
    after: {apiVersion: "v1",kind: "Secret",metadata: {name: "secret-key"},stringData: {a: "a"}}
  secret both:
    before: {apiVersion: "v1",kind: "Secret",metadata: {name: "secret-both"},data: {a: "YQ=="},stringData: {b: "b"}}
    after: {apiVersion: "v1",kind: "Secret",metadata: {name: "secret-both"},data: {b: "Yg=="},stringData: {a: "a2"}}
  labels and annotations leave:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "meta",labels: {one: "1",two: "2"},annotations: {one: "1",two: "2"}},data: {a: "b"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "meta",labels: {two: "3"},annotations: {three: "3"}},data: {a: "b"}}
  labels leave whole:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "meta-gone",labels: {one: "1"},annotations: {one: "1"}},data: {a: "b"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "meta-gone"},data: {a: "b"}}
  chart claims to be managed by another:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "managed",labels: {"app.kubernetes.io/managed-by":"Somebody"}},data: {a: "b"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "managed",labels: {"app.kubernetes.io/managed-by":"Another"}},data: {a: "c"}}
  env edited:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env"},spec: {replicas: 0,selector: {matchLabels: {app: "env"}},template: {metadata: {labels: {app: "env"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",value: "a"},{name: "B",value: "b"},{name: "C",value: "c"}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env"},spec: {replicas: 0,selector: {matchLabels: {app: "env"}},template: {metadata: {labels: {app: "env"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "C",value: "c"},{name: "D",value: "d"},{name: "A",value: "changed"}]}]}}}}
  env value to valueFrom:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-from"},spec: {replicas: 0,selector: {matchLabels: {app: "env-from"}},template: {metadata: {labels: {app: "env-from"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",value: "a"},{name: "B",valueFrom: {fieldRef: {fieldPath: "metadata.name"}}}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-from"},spec: {replicas: 0,selector: {matchLabels: {app: "env-from"}},template: {metadata: {labels: {app: "env-from"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",valueFrom: {fieldRef: {fieldPath: "metadata.name"}}},{name: "B",value: "b"}]}]}}}}
  env source changed:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-source"},spec: {replicas: 0,selector: {matchLabels: {app: "env-source"}},template: {metadata: {labels: {app: "env-source"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",valueFrom: {configMapKeyRef: {name: "keys",key: "b"}}}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-source"},spec: {replicas: 0,selector: {matchLabels: {app: "env-source"}},template: {metadata: {labels: {app: "env-source"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",valueFrom: {secretKeyRef: {name: "secret-key",key: "a"}}}]}]}}}}
  env gone:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-gone"},spec: {replicas: 0,selector: {matchLabels: {app: "env-gone"}},template: {metadata: {labels: {app: "env-gone"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",value: "a"}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-gone"},spec: {replicas: 0,selector: {matchLabels: {app: "env-gone"}},template: {metadata: {labels: {app: "env-gone"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
  env null:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-null"},spec: {replicas: 0,selector: {matchLabels: {app: "env-null"}},template: {metadata: {labels: {app: "env-null"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",value: "a"}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-null"},spec: {replicas: 0,selector: {matchLabels: {app: "env-null"}},template: {metadata: {labels: {app: "env-null"}},spec: {containers: [{name: "web",image: "example/web:1",env: null}]}}}}
  env empty:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-empty"},spec: {replicas: 0,selector: {matchLabels: {app: "env-empty"}},template: {metadata: {labels: {app: "env-empty"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",value: "a"}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-empty"},spec: {replicas: 0,selector: {matchLabels: {app: "env-empty"}},template: {metadata: {labels: {app: "env-empty"}},spec: {containers: [{name: "web",image: "example/web:1",env: []}]}}}}
  env value empty:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-blank"},spec: {replicas: 0,selector: {matchLabels: {app: "env-blank"}},template: {metadata: {labels: {app: "env-blank"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",value: "a"},{name: "B",value: ""}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-blank"},spec: {replicas: 0,selector: {matchLabels: {app: "env-blank"}},template: {metadata: {labels: {app: "env-blank"}},spec: {containers: [{name: "web",image: "example/web:1",env: [{name: "A",value: ""},{name: "B"}]}]}}}}
  envFrom reordered:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-sources"},spec: {replicas: 0,selector: {matchLabels: {app: "env-sources"}},template: {metadata: {labels: {app: "env-sources"}},spec: {containers: [{name: "web",image: "example/web:1",envFrom: [{configMapRef: {name: "keys"}},{secretRef: {name: "secret-key"}}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "env-sources"},spec: {replicas: 0,selector: {matchLabels: {app: "env-sources"}},template: {metadata: {labels: {app: "env-sources"}},spec: {containers: [{name: "web",image: "example/web:1",envFrom: [{secretRef: {name: "secret-key"}},{configMapRef: {name: "keys",optional: true}}]}]}}}}
  container ports:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "ports"},spec: {replicas: 0,selector: {matchLabels: {app: "ports"}},template: {metadata: {labels: {app: "ports"}},spec: {containers: [{name: "web",image: "example/web:1",ports: [{containerPort: 80,name: "http"},{containerPort: 53,name: "dns",protocol: "UDP"}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "ports"},spec: {replicas: 0,selector: {matchLabels: {app: "ports"}},template: {metadata: {labels: {app: "ports"}},spec: {containers: [{name: "web",image: "example/web:1",ports: [{containerPort: 53,name: "dns-tcp"},{containerPort: 53,name: "dns",protocol: "UDP"},{containerPort: 8080,name: "http"}]}]}}}}
  container port protocol:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "port-protocol"},spec: {replicas: 0,selector: {matchLabels: {app: "port-protocol"}},template: {metadata: {labels: {app: "port-protocol"}},spec: {containers: [{name: "web",image: "example/web:1",ports: [{containerPort: 80,name: "http",protocol: "TCP"}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "port-protocol"},spec: {replicas: 0,selector: {matchLabels: {app: "port-protocol"}},template: {metadata: {labels: {app: "port-protocol"}},spec: {containers: [{name: "web",image: "example/web:1",ports: [{containerPort: 80,name: "http",protocol: "UDP"}]}]}}}}
  container port renamed:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "port-name"},spec: {replicas: 0,selector: {matchLabels: {app: "port-name"}},template: {metadata: {labels: {app: "port-name"}},spec: {containers: [{name: "web",image: "example/web:1",ports: [{containerPort: 80,name: "http"}]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "port-name"},spec: {replicas: 0,selector: {matchLabels: {app: "port-name"}},template: {metadata: {labels: {app: "port-name"}},spec: {containers: [{name: "web",image: "example/web:1",ports: [{containerPort: 80,name: "web"}]}]}}}}
  containers reordered, renamed, added:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "containers"},spec: {replicas: 0,selector: {matchLabels: {app: "containers"}},template: {metadata: {labels: {app: "containers"}},spec: {containers: [{name: "a",image: "example/a:1"},{name: "b",image: "example/b:1"},{name: "c",image: "example/c:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "containers"},spec: {replicas: 0,selector: {matchLabels: {app: "containers"}},template: {metadata: {labels: {app: "containers"}},spec: {containers: [{name: "c",image: "example/c:2"},{name: "renamed",image: "example/b:1"},{name: "a",image: "example/a:1"}],initContainers: [{name: "b",image: "example/b:1"}]}}}}
  init containers leave:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "init"},spec: {replicas: 0,selector: {matchLabels: {app: "init"}},template: {metadata: {labels: {app: "init"}},spec: {initContainers: [{name: "a",image: "example/a:1"},{name: "side",image: "example/s:1",restartPolicy: "Always"}],containers: [{name: "b",image: "example/b:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "init"},spec: {replicas: 0,selector: {matchLabels: {app: "init"}},template: {metadata: {labels: {app: "init"}},spec: {containers: [{name: "b",image: "example/b:1"}]}}}}
  volumes change their type:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "volumes"},spec: {replicas: 0,selector: {matchLabels: {app: "volumes"}},template: {metadata: {labels: {app: "volumes"}},spec: {containers: [{name: "web",image: "example/web:1",volumeMounts: [{name: "a",mountPath: "/a"},{name: "b",mountPath: "/b"}]}],volumes: [{name: "a",emptyDir: {}},{name: "b",configMap: {name: "keys"}}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "volumes"},spec: {replicas: 0,selector: {matchLabels: {app: "volumes"}},template: {metadata: {labels: {app: "volumes"}},spec: {containers: [{name: "web",image: "example/web:1",volumeMounts: [{name: "b",mountPath: "/b",readOnly: true},{name: "a",mountPath: "/a2"}]}],volumes: [{name: "b",secret: {secretName: "secret-key",defaultMode: 256}},{name: "a",emptyDir: {medium: "Memory",sizeLimit: "10Mi"}}]}}}}
  one volume mounted twice:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "mounts"},spec: {replicas: 0,selector: {matchLabels: {app: "mounts"}},template: {metadata: {labels: {app: "mounts"}},spec: {containers: [{name: "web",image: "example/web:1",volumeMounts: [{name: "a",mountPath: "/a"},{name: "a",mountPath: "/b",subPath: "b"}]}],volumes: [{name: "a",emptyDir: {}}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "mounts"},spec: {replicas: 0,selector: {matchLabels: {app: "mounts"}},template: {metadata: {labels: {app: "mounts"}},spec: {containers: [{name: "web",image: "example/web:1",volumeMounts: [{name: "a",mountPath: "/b"},{name: "a",mountPath: "/c",subPath: "c"}]}],volumes: [{name: "a",emptyDir: {}}]}}}}
  projected volume:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "projected"},spec: {replicas: 0,selector: {matchLabels: {app: "projected"}},template: {metadata: {labels: {app: "projected"}},spec: {containers: [{name: "web",image: "example/web:1"}],volumes: [{name: "a",projected: {sources: [{configMap: {name: "keys"}},{secret: {name: "secret-key"}}]}}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "projected"},spec: {replicas: 0,selector: {matchLabels: {app: "projected"}},template: {metadata: {labels: {app: "projected"}},spec: {containers: [{name: "web",image: "example/web:1"}],volumes: [{name: "a",projected: {sources: [{secret: {name: "secret-key"}}]}}]}}}}
  strategy to Recreate:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "recreate"},spec: {replicas: 0,strategy: {type: "RollingUpdate",rollingUpdate: {maxSurge: 1,maxUnavailable: 0}},selector: {matchLabels: {app: "recreate"}},template: {metadata: {labels: {app: "recreate"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "recreate"},spec: {replicas: 0,strategy: {type: "Recreate"},selector: {matchLabels: {app: "recreate"}},template: {metadata: {labels: {app: "recreate"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
  strategy to Recreate, null:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "recreate-null"},spec: {replicas: 0,strategy: {type: "RollingUpdate",rollingUpdate: {maxSurge: 1,maxUnavailable: 0}},selector: {matchLabels: {app: "recreate-null"}},template: {metadata: {labels: {app: "recreate-null"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "recreate-null"},spec: {replicas: 0,strategy: {type: "Recreate",rollingUpdate: null},selector: {matchLabels: {app: "recreate-null"}},template: {metadata: {labels: {app: "recreate-null"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
  strategy leaves:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "rolling"},spec: {replicas: 0,strategy: {type: "Recreate"},selector: {matchLabels: {app: "rolling"}},template: {metadata: {labels: {app: "rolling"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "rolling"},spec: {replicas: 0,selector: {matchLabels: {app: "rolling"}},template: {metadata: {labels: {app: "rolling"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
  probe type:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "probe"},spec: {replicas: 0,selector: {matchLabels: {app: "probe"}},template: {metadata: {labels: {app: "probe"}},spec: {containers: [{name: "web",image: "example/web:1",readinessProbe: {httpGet: {path: "/",port: 80},periodSeconds: 5},livenessProbe: {exec: {command: ["a","b"]}}}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "probe"},spec: {replicas: 0,selector: {matchLabels: {app: "probe"}},template: {metadata: {labels: {app: "probe"}},spec: {containers: [{name: "web",image: "example/web:1",readinessProbe: {tcpSocket: {port: 80}},startupProbe: {exec: {command: ["c"]}}}]}}}}
  resources quantities:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "resources"},spec: {replicas: 0,selector: {matchLabels: {app: "resources"}},template: {metadata: {labels: {app: "resources"}},spec: {containers: [{name: "web",image: "example/web:1",resources: {limits: {cpu: "1000m",memory: "1Gi","nvidia.com/gpu":1},requests: {cpu: "100m"}}}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "resources"},spec: {replicas: 0,selector: {matchLabels: {app: "resources"}},template: {metadata: {labels: {app: "resources"}},spec: {containers: [{name: "web",image: "example/web:1",resources: {limits: {cpu: 1,memory: "1024Mi"},requests: {cpu: "0.1",memory: "512Mi"}}}]}}}}
  resources empty:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "resources-empty"},spec: {replicas: 0,selector: {matchLabels: {app: "resources-empty"}},template: {metadata: {labels: {app: "resources-empty"}},spec: {containers: [{name: "web",image: "example/web:1",resources: {limits: {cpu: 1}}}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "resources-empty"},spec: {replicas: 0,selector: {matchLabels: {app: "resources-empty"}},template: {metadata: {labels: {app: "resources-empty"}},spec: {containers: [{name: "web",image: "example/web:1",resources: {}}]}}}}
  security contexts:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "security"},spec: {replicas: 0,selector: {matchLabels: {app: "security"}},template: {metadata: {labels: {app: "security"}},spec: {containers: [{name: "web",image: "example/web:1",securityContext: {runAsNonRoot: true,runAsUser: 1000,capabilities: {drop: ["ALL"],add: ["NET_ADMIN"]}}}],securityContext: {fsGroup: 2000,supplementalGroups: [1,2]}}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "security"},spec: {replicas: 0,selector: {matchLabels: {app: "security"}},template: {metadata: {labels: {app: "security"}},spec: {containers: [{name: "web",image: "example/web:1",securityContext: {capabilities: {drop: ["ALL"]},readOnlyRootFilesystem: true}}],securityContext: {}}}}}
  placement lists:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "placement"},spec: {replicas: 0,selector: {matchLabels: {app: "placement"}},template: {metadata: {labels: {app: "placement"}},spec: {containers: [{name: "web",image: "example/web:1"}],tolerations: [{key: "a",operator: "Exists"},{key: "b",operator: "Equal",value: "b"}],nodeSelector: {a: "a",b: "b"},affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1,preference: {matchExpressions: [{key: "a",operator: "Exists"}]}}]}},imagePullSecrets: [{name: "a"},{name: "b"}],hostAliases: [{ip: "127.0.0.1",hostnames: ["a","b"]}],topologySpreadConstraints: [{maxSkew: 1,topologyKey: "a",whenUnsatisfiable: "ScheduleAnyway",labelSelector: {matchLabels: {app: "placement"}}}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "placement"},spec: {replicas: 0,selector: {matchLabels: {app: "placement"}},template: {metadata: {labels: {app: "placement"}},spec: {containers: [{name: "web",image: "example/web:1"}],tolerations: [{key: "b",operator: "Exists"}],nodeSelector: {b: "c"},affinity: {},imagePullSecrets: [{name: "b"},{name: "c"}],hostAliases: [{ip: "127.0.0.1",hostnames: ["b"]},{ip: "127.0.0.2",hostnames: ["a"]}],topologySpreadConstraints: [{maxSkew: 2,topologyKey: "a",whenUnsatisfiable: "DoNotSchedule",labelSelector: {matchLabels: {app: "placement"}}},{maxSkew: 1,topologyKey: "b",whenUnsatisfiable: "ScheduleAnyway"}]}}}}
  args and command:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "args"},spec: {replicas: 0,selector: {matchLabels: {app: "args"}},template: {metadata: {labels: {app: "args"}},spec: {containers: [{name: "web",image: "example/web:1",args: ["a","b","c"],command: ["x"]}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "args"},spec: {replicas: 0,selector: {matchLabels: {app: "args"}},template: {metadata: {labels: {app: "args"}},spec: {containers: [{name: "web",image: "example/web:1",args: ["a","c"]}]}}}}
  service account leaves:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "account"},spec: {replicas: 0,selector: {matchLabels: {app: "account"}},template: {metadata: {labels: {app: "account"}},spec: {containers: [{name: "web",image: "example/web:1"}],serviceAccountName: "default",automountServiceAccountToken: false,hostNetwork: false,dnsPolicy: "None",dnsConfig: {nameservers: ["127.0.0.1"],options: [{name: "ndots",value: "1"}]},priorityClassName: "system-cluster-critical"}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "account"},spec: {replicas: 0,selector: {matchLabels: {app: "account"}},template: {metadata: {labels: {app: "account"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
  replicas leave the chart:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "replicas"},spec: {replicas: 2,selector: {matchLabels: {app: "replicas"}},template: {metadata: {labels: {app: "replicas"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "replicas"},spec: {selector: {matchLabels: {app: "replicas"}},template: {metadata: {labels: {app: "replicas"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
  pod annotations:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "pod-meta"},spec: {replicas: 0,selector: {matchLabels: {app: "pod-meta"}},template: {metadata: {labels: {app: "pod-meta",v: "1",gone: "x"},annotations: {checksum: "a",gone: "b"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "pod-meta"},spec: {replicas: 0,selector: {matchLabels: {app: "pod-meta"}},template: {metadata: {labels: {app: "pod-meta",v: "2"},annotations: {checksum: "b"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
  service ports:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-ports"},spec: {selector: {a: "b"},ports: [{name: "a",port: 80},{name: "b",port: 81,targetPort: "web"}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-ports"},spec: {selector: {c: "d"},ports: [{name: "b",port: 82,targetPort: 8080},{name: "u",port: 80,protocol: "UDP"},{name: "a",port: 80}]}}
  service port protocol:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-protocol"},spec: {selector: {a: "b"},ports: [{name: "a",port: 80,protocol: "TCP"}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-protocol"},spec: {selector: {a: "b"},ports: [{name: "a",port: 80,protocol: "UDP"}]}}
  service port number:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-number"},spec: {selector: {a: "b"},ports: [{name: "a",port: 80,targetPort: 80}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-number"},spec: {selector: {a: "b"},ports: [{name: "a",port: 8080,targetPort: 80}]}}
  service to NodePort:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-node"},spec: {selector: {a: "b"},ports: [{port: 80}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-node"},spec: {type: "NodePort",selector: {a: "b"},ports: [{port: 80}]}}
  service from NodePort:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-cluster"},spec: {type: "NodePort",externalTrafficPolicy: "Local",selector: {a: "b"},ports: [{port: 80}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-cluster"},spec: {type: "ClusterIP",selector: {a: "b"},ports: [{port: 80}]}}
  service from LoadBalancer:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-balanced",annotations: {"zakenak.dev/wait":"ignore"}},spec: {type: "LoadBalancer",loadBalancerSourceRanges: ["10.0.0.0/8"],selector: {a: "b"},ports: [{port: 80}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-balanced"},spec: {selector: {a: "b"},ports: [{port: 80}]}}
  service to ExternalName:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-external"},spec: {selector: {a: "b"},ports: [{port: 80}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-external"},spec: {type: "ExternalName",externalName: "example.com"}}
  service affinity leaves:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-affinity"},spec: {sessionAffinity: "ClientIP",sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}},publishNotReadyAddresses: true,selector: {a: "b",c: "d"},ports: [{port: 80}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-affinity"},spec: {sessionAffinity: "None",selector: {a: "b"},ports: [{port: 80}]}}
  service loses its selector:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-selector"},spec: {selector: {a: "b"},ports: [{port: 80}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "svc-selector"},spec: {ports: [{port: 80}]}}
  ingress:
    before: {apiVersion: "networking.k8s.io/v1",kind: "Ingress",metadata: {name: "ingress",annotations: {"zakenak.dev/wait":"ignore"}},spec: {ingressClassName: "a",tls: [{hosts: ["a.example.com"],secretName: "t"}],rules: [{host: "a.example.com",http: {paths: [{path: "/",pathType: "Prefix",backend: {service: {name: "svc-ports",port: {number: 80}}}}]}},{host: "b.example.com"}]}}
    after: {apiVersion: "networking.k8s.io/v1",kind: "Ingress",metadata: {name: "ingress",annotations: {"zakenak.dev/wait":"ignore"}},spec: {defaultBackend: {service: {name: "svc-ports",port: {name: "a"}}},rules: [{host: "b.example.com",http: {paths: [{path: "/x",pathType: "Exact",backend: {service: {name: "svc-ports",port: {name: "b"}}}}]}}]}}
  role:
    before: {apiVersion: "rbac.authorization.k8s.io/v1",kind: "Role",metadata: {name: "role"},rules: [{apiGroups: [""],resources: ["pods","secrets"],verbs: ["get","list"]},{apiGroups: ["apps"],resources: ["deployments"],verbs: ["*"]}]}
    after: {apiVersion: "rbac.authorization.k8s.io/v1",kind: "Role",metadata: {name: "role"},rules: [{apiGroups: [""],resources: ["pods"],verbs: ["get"]}]}
  role without rules:
    before: {apiVersion: "rbac.authorization.k8s.io/v1",kind: "Role",metadata: {name: "role-empty"},rules: [{apiGroups: [""],resources: ["pods"],verbs: ["get"]}]}
    after: {apiVersion: "rbac.authorization.k8s.io/v1",kind: "Role",metadata: {name: "role-empty"},rules: []}
  role binding subjects:
    before: {apiVersion: "rbac.authorization.k8s.io/v1",kind: "RoleBinding",metadata: {name: "binding"},roleRef: {apiGroup: "rbac.authorization.k8s.io",kind: "Role",name: "role"},subjects: [{kind: "ServiceAccount",name: "default",namespace: "{{ .Release.Namespace }}"},{kind: "User",name: "a",apiGroup: "rbac.authorization.k8s.io"}]}
    after: {apiVersion: "rbac.authorization.k8s.io/v1",kind: "RoleBinding",metadata: {name: "binding"},roleRef: {apiGroup: "rbac.authorization.k8s.io",kind: "Role",name: "role"},subjects: [{kind: "ServiceAccount",name: "account",namespace: "{{ .Release.Namespace }}"}]}
  service account secrets:
    before: {apiVersion: "v1",kind: "ServiceAccount",metadata: {name: "account"},automountServiceAccountToken: false,imagePullSecrets: [{name: "a"},{name: "b"}]}
    after: {apiVersion: "v1",kind: "ServiceAccount",metadata: {name: "account"},imagePullSecrets: [{name: "b"}]}
  network policy:
    before: {apiVersion: "networking.k8s.io/v1",kind: "NetworkPolicy",metadata: {name: "policy"},spec: {podSelector: {matchLabels: {a: "b"}},policyTypes: ["Ingress","Egress"],ingress: [{from: [{podSelector: {}}],ports: [{port: 80}]}],egress: [{}]}}
    after: {apiVersion: "networking.k8s.io/v1",kind: "NetworkPolicy",metadata: {name: "policy"},spec: {podSelector: {},policyTypes: ["Ingress"],ingress: [{from: [{namespaceSelector: {}}]}]}}
  disruption budget:
    before: {apiVersion: "policy/v1",kind: "PodDisruptionBudget",metadata: {name: "budget"},spec: {minAvailable: 1,selector: {matchLabels: {a: "b"}}}}
    after: {apiVersion: "policy/v1",kind: "PodDisruptionBudget",metadata: {name: "budget"},spec: {maxUnavailable: "50%",selector: {matchLabels: {a: "b"}}}}
  autoscaler:
    before: {apiVersion: "autoscaling/v2",kind: "HorizontalPodAutoscaler",metadata: {name: "scaler",annotations: {"zakenak.dev/wait":"ignore"}},spec: {minReplicas: 1,maxReplicas: 3,scaleTargetRef: {apiVersion: "apps/v1",kind: "Deployment",name: "numbers"},metrics: [{type: "Resource",resource: {name: "cpu",target: {type: "Utilization",averageUtilization: 50}}},{type: "Resource",resource: {name: "memory",target: {type: "Utilization",averageUtilization: 50}}}]}}
    after: {apiVersion: "autoscaling/v2",kind: "HorizontalPodAutoscaler",metadata: {name: "scaler",annotations: {"zakenak.dev/wait":"ignore"}},spec: {maxReplicas: 4,scaleTargetRef: {apiVersion: "apps/v1",kind: "Deployment",name: "numbers"},metrics: [{type: "Resource",resource: {name: "memory",target: {type: "AverageValue",averageValue: "1Gi"}}}]}}
  cron job:
    before: {apiVersion: "batch/v1",kind: "CronJob",metadata: {name: "cron"},spec: {schedule: "0 0 1 1 *",suspend: true,timeZone: "Etc/UTC",concurrencyPolicy: "Forbid",jobTemplate: {spec: {backoffLimit: 1,template: {spec: {restartPolicy: "Never",containers: [{name: "a",image: "example/a:1",env: [{name: "A",value: "a"}]}]}}}}}}
    after: {apiVersion: "batch/v1",kind: "CronJob",metadata: {name: "cron"},spec: {schedule: "0 0 2 1 *",jobTemplate: {spec: {template: {spec: {restartPolicy: "OnFailure",containers: [{name: "b",image: "example/a:1"},{name: "a",image: "example/a:1"}]}}}}}}
  daemon set:
    before: {apiVersion: "apps/v1",kind: "DaemonSet",metadata: {name: "daemon"},spec: {updateStrategy: {type: "RollingUpdate",rollingUpdate: {maxUnavailable: 1}},selector: {matchLabels: {app: "daemon"}},template: {metadata: {labels: {app: "daemon"}},spec: {nodeSelector: {none: "none"},containers: [{name: "a",image: "example/a:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "DaemonSet",metadata: {name: "daemon"},spec: {updateStrategy: {type: "OnDelete"},selector: {matchLabels: {app: "daemon"}},template: {metadata: {labels: {app: "daemon"}},spec: {nodeSelector: {none: "none"},containers: [{name: "a",image: "example/a:2"}]}}}}
  stateful set:
    before: {apiVersion: "apps/v1",kind: "StatefulSet",metadata: {name: "stateful"},spec: {replicas: 0,serviceName: "s",updateStrategy: {type: "RollingUpdate",rollingUpdate: {partition: 1}},selector: {matchLabels: {app: "stateful"}},template: {metadata: {labels: {app: "stateful"}},spec: {containers: [{name: "a",image: "example/a:1"}]}},volumeClaimTemplates: [{metadata: {name: "data"},spec: {accessModes: ["ReadWriteOnce"],resources: {requests: {storage: "1Gi"}}}}]}}
    after: {apiVersion: "apps/v1",kind: "StatefulSet",metadata: {name: "stateful"},spec: {replicas: 0,serviceName: "s",updateStrategy: {type: "OnDelete"},selector: {matchLabels: {app: "stateful"}},template: {metadata: {labels: {app: "stateful"}},spec: {containers: [{name: "a",image: "example/a:2"}]}},volumeClaimTemplates: [{metadata: {name: "data"},spec: {accessModes: ["ReadWriteOnce"],resources: {requests: {storage: "1Gi"}}}}]}}
  quota:
    before: {apiVersion: "v1",kind: "ResourceQuota",metadata: {name: "quota",annotations: {"zakenak.dev/wait":"ignore"}},spec: {hard: {pods: "1k",services: 1000,secrets: "500"}}}
    after: {apiVersion: "v1",kind: "ResourceQuota",metadata: {name: "quota",annotations: {"zakenak.dev/wait":"ignore"}},spec: {hard: {pods: 1000,services: "2000"}}}
  kept object leaves:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "kept",annotations: {"helm.sh/resource-policy":"keep"}},data: {a: "b"}}
  kept object renewed:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "kept-changed",annotations: {"helm.sh/resource-policy":"keep"}},data: {a: "b"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "kept-changed"},data: {a: "c"}}
  list:
    before: {apiVersion: "v1",kind: "List",items: [{apiVersion: "v1",kind: "ConfigMap",metadata: {name: "list-a"},data: {a: "a"}},{apiVersion: "v1",kind: "ConfigMap",metadata: {name: "list-b"},data: {a: "a"}}]}
    after: {apiVersion: "v1",kind: "List",items: [{apiVersion: "v1",kind: "ConfigMap",metadata: {name: "list-b"},data: {b: "b"}},{apiVersion: "v1",kind: "ConfigMap",metadata: {name: "list-c"},data: {a: "a"}}]}
  another namespace:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "elsewhere",namespace: "{{ .Release.Namespace }}-other"},data: {a: "a"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "elsewhere",namespace: "{{ .Release.Namespace }}-other"},data: {b: "b"}}
  moves to another namespace:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "moving"},data: {a: "a"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "moving",namespace: "{{ .Release.Namespace }}-other"},data: {a: "a"}}
  hook added:
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "hook-added",annotations: {"helm.sh/hook":"pre-upgrade"}},data: {a: "a"}}
  hook leaves:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "hook-left",annotations: {"helm.sh/hook":"pre-install,pre-upgrade"}},data: {a: "a"}}
  hook changes:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "hook",annotations: {"helm.sh/hook":"post-install,post-upgrade","helm.sh/hook-weight":"-5"}},data: {a: "a",gone: "b"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "hook",annotations: {"helm.sh/hook":"post-install,post-upgrade","helm.sh/hook-weight":"3"}},data: {a: "b"}}
  hook is deleted when it succeeded:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "hook-gone",annotations: {"helm.sh/hook":"pre-install,pre-upgrade","helm.sh/hook-delete-policy":"hook-succeeded"}},data: {a: "a"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "hook-gone",annotations: {"helm.sh/hook":"pre-install,pre-upgrade","helm.sh/hook-delete-policy":"hook-succeeded,before-hook-creation"}},data: {a: "b"}}
  object becomes a hook:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "object-hook"},data: {a: "a"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "object-hook",annotations: {"helm.sh/hook":"post-upgrade"}},data: {a: "b"}}
  object becomes an early hook:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "object-hook-early"},data: {a: "a"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "object-hook-early",annotations: {"helm.sh/hook":"pre-upgrade"}},data: {a: "b"}}
  unknown hook event:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "hook-unknown",annotations: {"helm.sh/hook":"pre-nothing"}},data: {a: "a"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "hook-unknown",annotations: {"helm.sh/hook":"crd-install"}},data: {a: "b"}}
  old API to new:
    before: {apiVersion: "autoscaling/v1",kind: "HorizontalPodAutoscaler",metadata: {name: "api",annotations: {"zakenak.dev/wait":"ignore"}},spec: {minReplicas: 2,maxReplicas: 3,targetCPUUtilizationPercentage: 50,scaleTargetRef: {apiVersion: "apps/v1",kind: "Deployment",name: "numbers"}}}
    after: {apiVersion: "autoscaling/v2",kind: "HorizontalPodAutoscaler",metadata: {name: "api",annotations: {"zakenak.dev/wait":"ignore"}},spec: {maxReplicas: 3,scaleTargetRef: {apiVersion: "apps/v1",kind: "Deployment",name: "numbers"}}}
  definition and resource:
    before: {apiVersion: "upgrade.example.com/v1",kind: "Gear",metadata: {name: "gear"},spec: {a: "1",list: [{name: "a",x: "1"},{name: "b",x: "1"}],free: {x: "1",true: "2"}}}
    after: {apiVersion: "upgrade.example.com/v1",kind: "Gear",metadata: {name: "gear"},spec: {list: [{name: "b",x: "2"}],free: {true: "3"}}}
  numbers as text:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "numbers"},spec: {replicas: 0,revisionHistoryLimit: 3,progressDeadlineSeconds: 60,minReadySeconds: 1,selector: {matchLabels: {app: "numbers"}},template: {metadata: {labels: {app: "numbers"}},spec: {containers: [{name: "web",image: "example/web:1",terminationMessagePath: "/a",ports: [{containerPort: 80}]}],terminationGracePeriodSeconds: 30}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "numbers"},spec: {replicas: 0,selector: {matchLabels: {app: "numbers"}},template: {metadata: {labels: {app: "numbers"}},spec: {containers: [{name: "web",image: "example/web:1",ports: [{containerPort: 80}]}]}}}}

# A field that cannot be changed in place, of objects that hold no data, and a strategy that the server filled in.
helmFails:
  headless:
    before: {apiVersion: "v1",kind: "Service",metadata: {name: "headless"},spec: {selector: {a: "b"},ports: [{port: 80}]}}
    after: {apiVersion: "v1",kind: "Service",metadata: {name: "headless"},spec: {clusterIP: "None",selector: {a: "b"},ports: [{port: 80}]}}
  selector:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "selector"},spec: {replicas: 0,selector: {matchLabels: {app: "selector"}},template: {metadata: {labels: {app: "selector"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "selector"},spec: {replicas: 0,selector: {matchLabels: {app: "other"}},template: {metadata: {labels: {app: "other"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
  pod:
    before: {apiVersion: "v1",kind: "Pod",metadata: {name: "pod"},spec: {containers: [{name: "a",image: "example/a:1",env: [{name: "A",value: "a"}]}]}}
    after: {apiVersion: "v1",kind: "Pod",metadata: {name: "pod"},spec: {containers: [{name: "a",image: "example/a:1",env: [{name: "A",value: "b"}]}]}}
  volume without a source gets one:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "sourceless"},spec: {replicas: 0,selector: {matchLabels: {app: "sourceless"}},template: {metadata: {labels: {app: "sourceless"}},spec: {containers: [{name: "web",image: "example/web:1"}],volumes: [{name: "v"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "sourceless"},spec: {replicas: 0,selector: {matchLabels: {app: "sourceless"}},template: {metadata: {labels: {app: "sourceless"}},spec: {containers: [{name: "web",image: "example/web:1"}],volumes: [{name: "v",configMap: {name: "c"}}]}}}}
  volume of a controller without a source gets one:
    before: {apiVersion: "v1",kind: "ReplicationController",metadata: {name: "sourceless"},spec: {replicas: 0,selector: {app: "sourceless"},template: {metadata: {labels: {app: "sourceless"}},spec: {containers: [{name: "web",image: "example/web:1"}],volumes: [{name: "v"}]}}}}
    after: {apiVersion: "v1",kind: "ReplicationController",metadata: {name: "sourceless"},spec: {replicas: 0,selector: {app: "sourceless"},template: {metadata: {labels: {app: "sourceless"}},spec: {containers: [{name: "web",image: "example/web:1"}],volumes: [{name: "v",configMap: {name: "c"}}]}}}}
  volume of a template without a source gets one:
    before: {apiVersion: "v1",kind: "PodTemplate",metadata: {name: "sourceless"},template: {metadata: {labels: {app: "sourceless"}},spec: {containers: [{name: "web",image: "example/web:1"}],volumes: [{name: "v"}]}}}
    after: {apiVersion: "v1",kind: "PodTemplate",metadata: {name: "sourceless"},template: {metadata: {labels: {app: "sourceless"}},spec: {containers: [{name: "web",image: "example/web:1"}],volumes: [{name: "v",configMap: {name: "c"}}]}}}
  probe becomes null:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "probe-null"},spec: {replicas: 0,selector: {matchLabels: {app: "probe-null"}},template: {metadata: {labels: {app: "probe-null"}},spec: {containers: [{name: "web",image: "example/web:1",livenessProbe: {tcpSocket: {port: 80}}}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "probe-null"},spec: {replicas: 0,selector: {matchLabels: {app: "probe-null"}},template: {metadata: {labels: {app: "probe-null"}},spec: {containers: [{name: "web",image: "example/web:1",livenessProbe: null}]}}}}
  pod gets a container:
    before: {apiVersion: "v1",kind: "Pod",metadata: {name: "pod-more"},spec: {containers: [{name: "a",image: "example/a:1"}],tolerations: [{key: "a",operator: "Exists"}]}}
    after: {apiVersion: "v1",kind: "Pod",metadata: {name: "pod-more"},spec: {containers: [{name: "a",image: "example/a:1"},{name: "b",image: "example/b:1"}],tolerations: [{key: "a",operator: "Exists"}]}}
  pod loses a toleration:
    before: {apiVersion: "v1",kind: "Pod",metadata: {name: "pod-less"},spec: {containers: [{name: "a",image: "example/a:1"}],tolerations: [{key: "a",operator: "Exists"}]}}
    after: {apiVersion: "v1",kind: "Pod",metadata: {name: "pod-less"},spec: {containers: [{name: "a",image: "example/a:1"}]}}
  custom resource is emptied:
    before: {apiVersion: "upgrade.example.com/v1",kind: "Gear",metadata: {name: "emptied"},words: {a: "x"},list: [{name: "a",words: {a: "x"}}],gone: [{name: "b"}],in: {words: {a: "x"}}}
    after: {apiVersion: "upgrade.example.com/v1",kind: "Gear",metadata: {name: "emptied"},words: {},list: [{name: "a",words: {}}],gone: [],in: {words: {}}}
  job:
    before: {apiVersion: "batch/v1",kind: "Job",metadata: {name: "job"},spec: {template: {spec: {restartPolicy: "Never",containers: [{name: "a",image: "example/a:1"}]}}}}
    after: {apiVersion: "batch/v1",kind: "Job",metadata: {name: "job"},spec: {template: {spec: {restartPolicy: "Never",containers: [{name: "a",image: "example/a:2"}]}}}}
  roleRef:
    before: {apiVersion: "rbac.authorization.k8s.io/v1",kind: "RoleBinding",metadata: {name: "ref"},roleRef: {apiGroup: "rbac.authorization.k8s.io",kind: "ClusterRole",name: "view"}}
    after: {apiVersion: "rbac.authorization.k8s.io/v1",kind: "RoleBinding",metadata: {name: "ref"},roleRef: {apiGroup: "rbac.authorization.k8s.io",kind: "ClusterRole",name: "edit"}}
  immutable config:
    before: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "immutable"},immutable: true,data: {a: "b"}}
    after: {apiVersion: "v1",kind: "ConfigMap",metadata: {name: "immutable"},immutable: true,data: {a: "c"}}
  secret type:
    before: {apiVersion: "v1",kind: "Secret",metadata: {name: "typed"},type: "Opaque",data: {username: "YQ==",password: "YQ=="}}
    after: {apiVersion: "v1",kind: "Secret",metadata: {name: "typed"},type: "kubernetes.io/basic-auth",data: {username: "YQ==",password: "YQ=="}}
  claim template:
    before: {apiVersion: "apps/v1",kind: "StatefulSet",metadata: {name: "claims"},spec: {replicas: 0,serviceName: "s",selector: {matchLabels: {app: "claims"}},template: {metadata: {labels: {app: "claims"}},spec: {containers: [{name: "a",image: "example/a:1"}]}},volumeClaimTemplates: [{metadata: {name: "data"},spec: {accessModes: ["ReadWriteOnce"],resources: {requests: {storage: "1Gi"}}}}]}}
    after: {apiVersion: "apps/v1",kind: "StatefulSet",metadata: {name: "claims"},spec: {replicas: 0,serviceName: "s",selector: {matchLabels: {app: "claims"}},template: {metadata: {labels: {app: "claims"}},spec: {containers: [{name: "a",image: "example/a:1"}]}},volumeClaimTemplates: [{metadata: {name: "data"},spec: {accessModes: ["ReadWriteOnce"],resources: {requests: {storage: "2Gi"}}}}]}}
  strategy from default:
    before: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "recreate-default"},spec: {replicas: 0,selector: {matchLabels: {app: "recreate-default"}},template: {metadata: {labels: {app: "recreate-default"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
    after: {apiVersion: "apps/v1",kind: "Deployment",metadata: {name: "recreate-default"},spec: {replicas: 0,strategy: {type: "Recreate"},selector: {matchLabels: {app: "recreate-default"}},template: {metadata: {labels: {app: "recreate-default"}},spec: {containers: [{name: "web",image: "example/web:1"}]}}}}
`;
const { inPlace, helmFails } = parse(text) as Readonly<
  Record<
    'inPlace' | 'helmFails',
    Readonly<Record<string, { readonly before?: object; readonly after?: object }>>
  >
>;

const asTemplates = (pairs: typeof inPlace): Pairs =>
  Object.fromEntries(
    Object.entries(pairs).map(([name, { before, after }]) => [
      name,
      {
        ...(before ? { before: JSON.stringify(before) } : {}),
        ...(after ? { after: JSON.stringify(after) } : {}),
      },
    ]),
  );

/** What charts do to their objects from version to version. None changes a field that cannot be changed. */
export const upgradePairs: Pairs = asTemplates(inPlace);
/** Changes that Helm 4 fails at: of fields that cannot be changed in place, of objects that hold no data, and of what the server filled in. */
export const hardPairs: Pairs = asTemplates(helmFails);

/** The definition of the custom resource among the pairs, for the chart's crds/. */
export const gears = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gears.upgrade.example.com }
spec:
  group: upgrade.example.com
  scope: Namespaced
  names: { kind: Gear, plural: gears, singular: gear, listKind: GearList }
  versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true, properties: { words: &words { type: object, additionalProperties: { type: string } }, in: { type: object, required: [words], properties: { words: *words } }, gone: &list { type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: { type: object, required: [name], properties: { name: { type: string }, words: *words } } }, list: *list } } } }]
`;
