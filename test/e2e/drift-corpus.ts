/**
 * An object of every built-in kind that can be applied, written as people write them: defaults left out and spelt out, quantities in every unit, numbers where
 * text or a number may stand, empty maps and lists, nulls. What the API server makes of them must never look like drift.
 */
export const corpus: Readonly<Record<string, string>> = {
  'workloads.yaml': `apiVersion: apps/v1
kind: Deployment
metadata: { name: full, labels: {}, annotations: null }
spec:
  replicas: 1
  revisionHistoryLimit: null
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 25%, maxUnavailable: 0 } }
  selector: { matchLabels: { app: full } }
  template:
    metadata: { labels: { app: full }, creationTimestamp: null }
    spec:
      nodeSelector: {}
      tolerations: []
      securityContext: {}
      affinity:
        podAntiAffinity:
          preferredDuringSchedulingIgnoredDuringExecution:
            - weight: 1
              podAffinityTerm: { topologyKey: kubernetes.io/hostname, labelSelector: { matchLabels: { app: full } } }
      topologySpreadConstraints:
        - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: { matchLabels: { app: full } } }
      initContainers:
        - { name: first, image: "example/first:1", command: [], args: null, resources: {} }
        - { name: beside, image: "example/beside:1", restartPolicy: Always }
      containers:
        - name: web
          image: example/web:1
          env:
            - { name: EMPTY, value: "" }
            - { name: PLAIN, value: "1" }
            - { name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }
            - { name: LIMIT, valueFrom: { resourceFieldRef: { resource: limits.cpu } } }
          ports: [{ containerPort: 80 }, { containerPort: 53, protocol: UDP, name: dns }, { containerPort: 53, name: dns-tcp }]
          resources:
            requests: { cpu: 1000m, memory: 1024Mi, ephemeral-storage: 0.5Gi }
            limits: { cpu: "2.5", memory: 1.5Gi, ephemeral-storage: 1e9 }
          livenessProbe: { httpGet: { port: 80 } }
          readinessProbe: { tcpSocket: { port: dns-tcp }, initialDelaySeconds: 0 }
          startupProbe: { exec: { command: ["true"] }, failureThreshold: 30, periodSeconds: 1 }
          lifecycle: { preStop: { exec: { command: [sleep, "1"] } } }
          volumeMounts: [{ name: scratch, mountPath: /scratch }, { name: settings, mountPath: /etc/settings, readOnly: false }]
          securityContext: { runAsNonRoot: false, capabilities: { drop: [ALL] } }
        - { name: second, image: "example/second:1", resources: { limits: { cpu: 0.1, memory: 128974848 } } }
      volumes:
        - { name: scratch, emptyDir: {} }
        - { name: memory, emptyDir: { medium: Memory, sizeLimit: 64Mi } }
        - { name: settings, configMap: { name: plain, defaultMode: 0644, optional: true } }
        - { name: hidden, secret: { secretName: plain, optional: true } }
        - name: token
          projected: { sources: [{ serviceAccountToken: { path: token } }, { downwardAPI: { items: [{ path: labels, fieldRef: { fieldPath: metadata.labels } }] } }] }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: full, annotations: { zakenak.dev/wait: ignore } }
spec:
  serviceName: full
  replicas: 0
  selector: { matchLabels: { app: stateful } }
  updateStrategy: { rollingUpdate: { partition: 0 } }
  template: { metadata: { labels: { app: stateful } }, spec: { containers: [{ name: web, image: "example/web:1" }] } }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1024Mi } } }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: full }
spec:
  selector: { matchLabels: { app: daemon } }
  template: { metadata: { labels: { app: daemon } }, spec: { nodeSelector: { nowhere: "true" }, containers: [{ name: web, image: "example/web:1" }] } }
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: bare }
spec:
  replicas: 0
  selector: { matchExpressions: [{ key: app, operator: In, values: [bare] }] }
  template: { metadata: { labels: { app: bare } }, spec: { containers: [{ name: web, image: "example/web:1" }] } }
---
apiVersion: v1
kind: ReplicationController
metadata: { name: old }
spec:
  replicas: 0
  template: { metadata: { labels: { app: old } }, spec: { containers: [{ name: web, image: "example/web:1" }] } }
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: nightly }
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec: { template: { spec: { restartPolicy: Never, containers: [{ name: job, image: "example/job:1" }] } } }
---
apiVersion: batch/v1
kind: Job
metadata: { name: once }
spec:
  template: { spec: { restartPolicy: Never, containers: [{ name: job, image: "example/job:1" }] } }
---
apiVersion: v1
kind: Pod
metadata: { name: single }
spec: { containers: [{ name: web, image: "example/web:1", resources: { requests: { cpu: 1m } } }], terminationGracePeriodSeconds: 0 }
---
apiVersion: v1
kind: PodTemplate
metadata: { name: shape }
template: { spec: { containers: [{ name: web, image: "example/web:1" }] } }
---
apiVersion: apps/v1
kind: ControllerRevision
metadata: { name: kept }
revision: 1
data: { spec: { some: thing, number: 1.50, list: [] } }
`,
  'configuration.yaml': `apiVersion: v1
kind: ConfigMap
metadata: { name: plain }
data: { text: "a\\nb\\n", empty: "", number: "1.0", "dotted.key": x }
binaryData: { bytes: AAEC }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: empty }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: nulls }
data: null
immutable: true
---
apiVersion: v1
kind: ConfigMap
metadata: { name: frozen }
data: { a: b }
binaryData: {}
immutable: true
---
apiVersion: v1
kind: Secret
metadata: { name: frozen }
stringData: {}
immutable: true
---
apiVersion: v1
kind: Secret
metadata: { name: plain }
type: Opaque
data: { first: YQ== }
stringData: { second: b, number: "3" }
---
apiVersion: v1
kind: Secret
metadata: { name: untyped }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: worker }
imagePullSecrets: [{ name: plain }]
automountServiceAccountToken: false
---
apiVersion: v1
kind: LimitRange
metadata: { name: limits }
spec: { limits: [{ type: PersistentVolumeClaim, max: { storage: 10000Gi }, min: { storage: "1" } }, { type: Container, defaultRequest: { cpu: 0.001, memory: 1e6 } }] }
---
apiVersion: v1
kind: ResourceQuota
metadata: { name: quota }
spec: { hard: { pods: "100", requests.cpu: 1000, requests.storage: 1.5Ti, configmaps: 1e3 } }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data, annotations: { zakenak.dev/wait: ignore } }
spec: { accessModes: [ReadWriteOnce], storageClassName: "", resources: { requests: { storage: 0.5Gi } } }
---
apiVersion: v1
kind: PersistentVolume
metadata: { name: drift-corpus }
spec: { capacity: { storage: 1024Mi }, accessModes: [ReadWriteOnce], hostPath: { path: /nowhere }, storageClassName: drift-corpus }
---
apiVersion: v1
kind: Namespace
metadata: { name: drift-corpus-extra, labels: { pod-security.kubernetes.io/enforce: baseline } }
---
apiVersion: v1
kind: Node
metadata: { name: drift-corpus, annotations: { zakenak.dev/wait: ignore } }
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: { name: somebody }
spec: { holderIdentity: "", leaseDurationSeconds: 15 }
---
apiVersion: events.k8s.io/v1
kind: Event
metadata: { name: happened }
eventTime: "2026-01-01T00:00:00.000000Z"
reportingController: example.com/corpus
reportingInstance: corpus-1
action: Making
reason: Made
type: Normal
regarding: { apiVersion: v1, kind: ConfigMap, name: plain, namespace: default }
note: it was made
`,
  'network.yaml': `apiVersion: v1
kind: Service
metadata: { name: plain }
spec: { selector: { app: full }, ports: [{ port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: node-port }
spec: { type: NodePort, selector: { app: full }, ports: [{ port: 80, targetPort: http, name: a }, { port: 53, protocol: UDP, name: b }, { port: 53, name: c }] }
---
apiVersion: v1
kind: Service
metadata: { name: balanced, annotations: { zakenak.dev/wait: ignore } }
spec: { type: LoadBalancer, selector: { app: full }, ports: [{ port: 443, targetPort: 8443 }], sessionAffinity: ClientIP }
---
apiVersion: v1
kind: Service
metadata: { name: headless }
spec: { clusterIP: None, selector: {}, ports: [] }
---
apiVersion: v1
kind: Service
metadata: { name: elsewhere }
spec: { type: ExternalName, externalName: example.com }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: web, annotations: { zakenak.dev/wait: ignore } }
spec:
  ingressClassName: drift-corpus
  tls: [{ hosts: [web.example.com], secretName: plain }]
  rules:
    - host: web.example.com
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: plain, port: { number: 80 } } } }] }
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: drift-corpus }
spec: { controller: example.com/corpus }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: closed }
spec:
  podSelector: {}
  ingress: [{ from: [{ podSelector: {} }, { namespaceSelector: { matchLabels: {} } }], ports: [{ port: 80 }, { port: http }, { port: 53, endPort: 60, protocol: UDP }] }, {}]
  egress: []
---
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: { name: drift-corpus }
spec: { cidrs: [10.251.0.0/24] }
---
apiVersion: v1
kind: Endpoints
metadata: { name: by-hand, labels: { endpointslice.kubernetes.io/skip-mirror: "true" } }
subsets: [{ addresses: [{ ip: 10.1.2.3 }], ports: [{ port: 80 }] }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: by-hand }
addressType: IPv4
endpoints: [{ addresses: [10.1.2.3] }]
ports: [{ port: 80 }]
`,
  'policy.yaml': `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: percent, annotations: { zakenak.dev/wait: ignore } }
spec: { minAvailable: 50%, selector: { matchLabels: { app: full } } }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: number, annotations: { zakenak.dev/wait: ignore } }
spec: { maxUnavailable: 1, selector: { matchLabels: { app: stateful } } }
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: memory-first, annotations: { zakenak.dev/wait: ignore } }
spec:
  maxReplicas: 5
  scaleTargetRef: { apiVersion: apps/v1, kind: ReplicaSet, name: elsewhere }
  metrics:
    - { type: Resource, resource: { name: memory, target: { type: AverageValue, averageValue: 0.5Gi } } }
    - { type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 80 } } }
  behavior: { scaleDown: { policies: [{ type: Percent, value: 10, periodSeconds: 60 }] } }
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: { name: old-version, annotations: { zakenak.dev/wait: ignore } }
spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: apps/v1, kind: ReplicaSet, name: nobody } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reader }
rules: [{ apiGroups: [""], resources: [pods], verbs: [get, list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: reader }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader }
subjects: [{ kind: ServiceAccount, name: worker }, { kind: User, name: somebody }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: drift-corpus }
aggregationRule: { clusterRoleSelectors: [{ matchLabels: { rbac.authorization.k8s.io/aggregate-to-view: "true" } }] }
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: drift-corpus }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: drift-corpus }
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: { name: drift-corpus }
value: 1000
---
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: { name: drift-corpus }
handler: runc
overhead: { podFixed: { cpu: 0.25, memory: 131072Ki } }
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: { name: drift-corpus }
spec: { type: Limited, limited: { nominalConcurrencyShares: 1, limitResponse: { type: Reject } } }
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: { name: drift-corpus }
spec:
  priorityLevelConfiguration: { name: drift-corpus }
  rules: [{ subjects: [{ kind: User, user: { name: nobody-at-all } }], nonResourceRules: [{ verbs: [get], nonResourceURLs: [/nowhere] }] }]
`,
  'storage.yaml': `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: drift-corpus }
provisioner: example.com/corpus
parameters: { type: fast }
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: drift-corpus-plain }
provisioner: example.com/corpus
parameters: {}
---
apiVersion: storage.k8s.io/v1
kind: CSIDriver
metadata: { name: corpus.example.com }
spec: { attachRequired: false }
---
apiVersion: storage.k8s.io/v1
kind: CSINode
metadata: { name: drift-corpus-csi }
spec: { drivers: [] }
---
apiVersion: storage.k8s.io/v1
kind: CSIStorageCapacity
metadata: { name: room }
storageClassName: drift-corpus
capacity: 0.1Ti
---
apiVersion: storage.k8s.io/v1
kind: VolumeAttachment
metadata: { name: drift-corpus }
spec: { attacher: corpus.example.com, nodeName: drift-corpus, source: { persistentVolumeName: drift-corpus } }
---
apiVersion: storage.k8s.io/v1
kind: VolumeAttributesClass
metadata: { name: drift-corpus }
driverName: corpus.example.com
parameters: { iops: "1000" }
---
apiVersion: resource.k8s.io/v1
kind: DeviceClass
metadata: { name: drift-corpus }
spec: { selectors: [{ cel: { expression: "device.driver == 'corpus.example.com'" } }] }
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaim
metadata: { name: device }
spec: { devices: { requests: [{ name: one, exactly: { deviceClassName: drift-corpus } }] } }
---
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: { name: device }
spec: { spec: { devices: { requests: [{ name: one, exactly: { deviceClassName: drift-corpus, count: 2 } }] } } }
---
apiVersion: resource.k8s.io/v1
kind: ResourceSlice
metadata: { name: drift-corpus }
spec:
  driver: corpus.example.com
  allNodes: true
  pool: { name: all, generation: 1, resourceSliceCount: 1 }
  devices: [{ name: one, attributes: { size: { int: 3 } }, capacity: { memory: { value: 1024Mi } } }]
`,
  'admission.yaml': `apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: { name: drift-corpus }
webhooks:
  - name: check.corpus.example.com
    clientConfig: { service: { name: plain, namespace: default } }
    rules: [{ apiGroups: [corpus.example.com], apiVersions: [v9], operations: [CREATE], resources: [nothings] }]
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: { name: drift-corpus }
webhooks:
  - name: fill.corpus.example.com
    clientConfig: { service: { name: plain, namespace: default, path: /fill }, caBundle: "" }
    rules: [{ apiGroups: [corpus.example.com], apiVersions: [v9], operations: ["*"], resources: [nothings] }]
    admissionReviewVersions: [v1]
    sideEffects: None
    failurePolicy: Ignore
    namespaceSelector: {}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: drift-corpus }
spec:
  matchConstraints: { resourceRules: [{ apiGroups: [corpus.example.com], apiVersions: [v9], operations: [CREATE], resources: [nothings] }] }
  validations: [{ expression: "true" }]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: drift-corpus }
spec: { policyName: drift-corpus, validationActions: [Audit] }
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: { name: v9.corpus.example.com, annotations: { zakenak.dev/wait: ignore } }
spec: { group: corpus.example.com, version: v9, groupPriorityMinimum: 100, versionPriority: 10 }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gauges.drift.example.com }
spec:
  group: drift.example.com
  names: { kind: Gauge, plural: gauges }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                ratio: { type: number }
                share: { type: number, default: 0.5 }
                count: { type: integer, default: 3 }
                size: { x-kubernetes-int-or-string: true }
                mode: { type: string, default: auto }
                nothing: { type: string, nullable: true }
                free: { type: object, x-kubernetes-preserve-unknown-fields: true }
                inner: { type: object, default: {}, properties: { deep: { type: boolean, default: true } } }
                list: { type: array, items: { type: object, properties: { name: { type: string }, weight: { type: number, default: 1 } } } }
---
apiVersion: drift.example.com/v1
kind: Gauge
metadata: { name: numbers }
spec: { ratio: 1.0, share: 1e3, count: 100, size: 25%, nothing: null, free: { n: 1.0, m: 0.10, big: 1e21, l: [], o: {} }, list: [{ name: a }, { name: b, weight: 2.50 }] }
---
apiVersion: drift.example.com/v1
kind: Gauge
metadata: { name: bare }
spec: {}
`,
};

/** Built-in kinds that no chart brings, and why. */
export const leftOut: Readonly<Record<string, string>> = {
  'certificates.k8s.io/v1 CertificateSigningRequest': 'its certificate is asked for once and expires',
  'networking.k8s.io/v1 IPAddress': 'the API server makes them for Services and takes others away',
  'v1 Event': 'the same objects as events.k8s.io/v1',
};
