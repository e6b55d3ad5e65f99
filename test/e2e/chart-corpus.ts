/** One chart of the corpus: files below its folder. */
type ChartFiles = Readonly<Record<string, string>>;

const metadata = (name: string, more = ''): string =>
  `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n${more}`;
const config = (data: string, name = '{{ .Release.Name }}'): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: ${data}\n`;

/** Charts whose rendering, records or objects are awkward for a tool that compares: what such a chart deployed must not be deployed again. */
export const chartCorpus: Readonly<Record<string, ChartFiles>> = {
  'random-password': {
    'Chart.yaml': metadata('random-password'),
    'templates/all.yaml': `apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }} }
stringData: { password: {{ randAlphaNum 24 | quote }} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}, annotations: { at: {{ now | date "20060102150405.000" | quote }}, id: {{ uuidv4 }} } }
`,
  },
  'install-only': {
    'Chart.yaml': metadata('install-only'),
    'templates/all.yaml': `{{- if .Release.IsInstall }}
${config('{ first: "yes", revision: {{ .Release.Revision | quote }} }')}
{{- end }}
`,
  },
  hooks: {
    'Chart.yaml': metadata('hooks'),
    'templates/all.yaml': `${config('{ a: b }')}---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Release.Name }}
  annotations: { helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "-1" }
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}
  annotations: { helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-delete-policy: "before-hook-creation,hook-succeeded" }
spec:
  template: { spec: { restartPolicy: Never, containers: [{ name: hook, image: "example/hook:1" }] } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}-after, annotations: { helm.sh/hook: post-install } }
data: { random: {{ randAlphaNum 8 | quote }} }
---
apiVersion: v1
kind: Pod
metadata: { name: {{ .Release.Name }}-test, annotations: { helm.sh/hook: test } }
spec: { containers: [{ name: test, image: "example/test:1" }] }
`,
  },
  definitions: {
    'Chart.yaml': metadata('definitions'),
    'crds/gear.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gears.corpus.example.com }
spec:
  group: corpus.example.com
  scope: Namespaced
  names: { kind: Gear, plural: gears, singular: gear, listKind: GearList }
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
                teeth: { type: integer, default: 12 }
                ratio: { type: number }
                size: { x-kubernetes-int-or-string: true }
                any: { type: object, x-kubernetes-preserve-unknown-fields: true }
`,
    'templates/gear.yaml': `apiVersion: corpus.example.com/v1
kind: Gear
metadata: { name: {{ .Release.Name }} }
spec: { ratio: 1.0, size: 010, any: { float: 1e3, empty: {}, none: null, list: [] } }
`,
  },
  texts: {
    'Chart.yaml': metadata('texts'),
    'values.yaml': 'text: "  spaces  "\nnumber: 1e6\nlarge: 12345678901\n',
    'templates/all.yaml': config(
      `{ octal: "0644", yes: "yes", date: "2001-01-01", tab: "a\\tb", crlf: "a\\r\\nb", umlaut: "ä€😀", spaces: {{ .Values.text | quote }}, number: {{ .Values.number | quote }}, large: {{ .Values.large | quote }}, block: {{ "line\\n  two\\n\\n" | toJson }} }`,
    ),
    'templates/list.yaml': `apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: { name: {{ .Release.Name }}-one, labels: { a.example.com/b: "1" } }
  - apiVersion: v1
    kind: Secret
    metadata: { name: {{ .Release.Name }}-two }
    data: { multi: bGluZQp0d28K }
    stringData: { plain: "over: the data" }
`,
    'templates/empty.yaml': '# nothing but a comment\n---\n---\n{{- if false }}\nnever: true\n{{- end }}\n',
  },
  kept: {
    'Chart.yaml': metadata('kept'),
    'templates/all.yaml': `apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}, annotations: { helm.sh/resource-policy: keep, checksum: {{ .Values | toJson | sha256sum }} } }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: {{ .Release.Name }} }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
---
apiVersion: v1
kind: Service
metadata: { name: {{ .Release.Name }} }
spec: { type: NodePort, ports: [{ port: 80, name: a }, { port: 80, protocol: UDP, name: b }], selector: {} }
`,
  },
  parent: {
    'Chart.yaml': metadata(
      'parent',
      'dependencies: [{ name: child, version: 1.0.0, condition: child.enabled, alias: kid }]\n',
    ),
    'values.yaml': 'global: { a: b }\nchild: { enabled: true }\nkid: { size: 2 }\n',
    'templates/all.yaml': config('{ parent: {{ .Values.global.a }} }'),
    'charts/child/Chart.yaml': metadata('child'),
    'charts/child/values.yaml': 'size: 1\n',
    'charts/child/templates/all.yaml': config(
      '{ size: {{ .Values.size | quote }} }',
      '{{ .Release.Name }}-{{ .Chart.Name }}',
    ),
  },
};
