/** When an API version of some kinds stopped, or will stop, being served. */
export interface ApiLifecycle {
  readonly apiVersion: string;
  readonly kinds: readonly string[];
  /** Kubernetes versions, `1.22`. */
  readonly deprecatedIn: string;
  readonly removedIn?: string;
  /** The apiVersion to use; absent where there is none. */
  readonly replacement?: string;
}

type Row = readonly [
  apiVersion: string,
  kinds: string,
  deprecatedIn: string,
  removedIn: string,
  replacement: string,
];

// From the lifecycle annotations of k8s.io/api v0.34.4 and v0.37.1 (zz_generated.prerelease-lifecycle.go), which the API server obeys, and, for the kinds that
// left that module, https://kubernetes.io/docs/reference/using-api/deprecation-guide/. Kinds that no chart can hold (reviews, scales) are left out.
const rows: readonly Row[] = [
  [
    'admissionregistration.k8s.io/v1alpha1',
    'MutatingAdmissionPolicy MutatingAdmissionPolicyBinding',
    '1.35',
    '1.38',
    '',
  ],
  [
    'admissionregistration.k8s.io/v1alpha1',
    'ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding',
    '1.29',
    '1.32',
    'admissionregistration.k8s.io/v1',
  ],
  [
    'admissionregistration.k8s.io/v1beta1',
    'MutatingAdmissionPolicy MutatingAdmissionPolicyBinding',
    '1.37',
    '1.40',
    'admissionregistration.k8s.io/v1',
  ],
  [
    'admissionregistration.k8s.io/v1beta1',
    'MutatingWebhookConfiguration ValidatingWebhookConfiguration',
    '1.16',
    '1.22',
    'admissionregistration.k8s.io/v1',
  ],
  [
    'admissionregistration.k8s.io/v1beta1',
    'ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding',
    '1.31',
    '1.34',
    'admissionregistration.k8s.io/v1',
  ],
  ['apiextensions.k8s.io/v1beta1', 'CustomResourceDefinition', '1.16', '1.22', 'apiextensions.k8s.io/v1'],
  ['apiregistration.k8s.io/v1beta1', 'APIService', '1.19', '1.22', 'apiregistration.k8s.io/v1'],
  ['apps/v1beta1', 'ControllerRevision Deployment StatefulSet', '1.8', '1.16', 'apps/v1'],
  [
    'apps/v1beta2',
    'ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet',
    '1.9',
    '1.16',
    'apps/v1',
  ],
  ['autoscaling/v2beta1', 'HorizontalPodAutoscaler', '1.22', '1.25', 'autoscaling/v2'],
  ['autoscaling/v2beta2', 'HorizontalPodAutoscaler', '1.23', '1.26', 'autoscaling/v2'],
  ['batch/v1beta1', 'CronJob', '1.21', '1.25', 'batch/v1'],
  ['certificates.k8s.io/v1alpha1', 'ClusterTrustBundle', '1.34', '1.37', ''],
  ['certificates.k8s.io/v1alpha1', 'PodCertificateRequest', '1.37', '1.40', ''],
  ['certificates.k8s.io/v1beta1', 'CertificateSigningRequest', '1.19', '1.22', 'certificates.k8s.io/v1'],
  [
    'certificates.k8s.io/v1beta1',
    'ClusterTrustBundle PodCertificateRequest',
    '1.37',
    '1.40',
    'certificates.k8s.io/v1',
  ],
  ['coordination.k8s.io/v1alpha2', 'LeaseCandidate', '1.35', '1.38', ''],
  ['coordination.k8s.io/v1beta1', 'Lease', '1.19', '1.22', 'coordination.k8s.io/v1'],
  ['coordination.k8s.io/v1beta1', 'LeaseCandidate', '1.36', '1.39', ''],
  ['discovery.k8s.io/v1beta1', 'EndpointSlice', '1.21', '1.25', 'discovery.k8s.io/v1'],
  ['extensions/v1beta1', 'DaemonSet Deployment ReplicaSet', '1.8', '1.16', 'apps/v1'],
  ['extensions/v1beta1', 'Ingress', '1.14', '1.22', 'networking.k8s.io/v1'],
  ['extensions/v1beta1', 'NetworkPolicy', '1.9', '1.16', 'networking.k8s.io/v1'],
  ['extensions/v1beta1', 'PodSecurityPolicy', '1.10', '1.16', ''],
  [
    'flowcontrol.apiserver.k8s.io/v1beta1',
    'FlowSchema PriorityLevelConfiguration',
    '1.23',
    '1.26',
    'flowcontrol.apiserver.k8s.io/v1',
  ],
  [
    'flowcontrol.apiserver.k8s.io/v1beta2',
    'FlowSchema PriorityLevelConfiguration',
    '1.26',
    '1.29',
    'flowcontrol.apiserver.k8s.io/v1',
  ],
  [
    'flowcontrol.apiserver.k8s.io/v1beta3',
    'FlowSchema PriorityLevelConfiguration',
    '1.29',
    '1.32',
    'flowcontrol.apiserver.k8s.io/v1',
  ],
  ['lifecycle.k8s.io/v1alpha1', 'EvictionRequest', '1.40', '1.43', ''],
  ['networking.k8s.io/v1beta1', 'IPAddress ServiceCIDR', '1.34', '1.37', 'networking.k8s.io/v1'],
  ['networking.k8s.io/v1beta1', 'Ingress IngressClass', '1.19', '1.22', 'networking.k8s.io/v1'],
  ['node.k8s.io/v1beta1', 'RuntimeClass', '1.22', '1.25', 'node.k8s.io/v1'],
  ['policy/v1beta1', 'PodDisruptionBudget', '1.21', '1.25', 'policy/v1'],
  ['policy/v1beta1', 'PodSecurityPolicy', '1.21', '1.25', ''],
  [
    'rbac.authorization.k8s.io/v1beta1',
    'ClusterRole ClusterRoleBinding Role RoleBinding',
    '1.17',
    '1.22',
    'rbac.authorization.k8s.io/v1',
  ],
  ['resource.k8s.io/v1alpha3', 'DeviceTaintRule', '1.36', '1.39', ''],
  ['resource.k8s.io/v1alpha3', 'ResourcePoolStatusRequest', '1.39', '1.42', ''],
  [
    'resource.k8s.io/v1beta1',
    'DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice',
    '1.35',
    '1.38',
    'resource.k8s.io/v1',
  ],
  [
    'resource.k8s.io/v1beta2',
    'DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice',
    '1.36',
    '1.39',
    'resource.k8s.io/v1',
  ],
  ['resource.k8s.io/v1beta2', 'DeviceTaintRule', '1.39', '1.42', ''],
  ['scheduling.k8s.io/v1beta1', 'PodGroup Workload', '1.40', '1.43', ''],
  ['scheduling.k8s.io/v1beta1', 'PriorityClass', '1.14', '1.22', 'scheduling.k8s.io/v1'],
  ['storage.k8s.io/v1alpha1', 'CSIStorageCapacity VolumeAttachment', '1.21', '1.24', 'storage.k8s.io/v1'],
  ['storage.k8s.io/v1alpha1', 'VolumeAttributesClass', '1.32', '1.35', 'storage.k8s.io/v1'],
  ['storage.k8s.io/v1beta1', 'CSIDriver StorageClass VolumeAttachment', '1.19', '1.22', 'storage.k8s.io/v1'],
  ['storage.k8s.io/v1beta1', 'CSINode', '1.17', '1.22', 'storage.k8s.io/v1'],
  ['storage.k8s.io/v1beta1', 'CSIStorageCapacity', '1.24', '1.27', 'storage.k8s.io/v1'],
  ['storage.k8s.io/v1beta1', 'VolumeAttributesClass', '1.34', '1.37', 'storage.k8s.io/v1'],
  ['storagemigration.k8s.io/v1alpha1', 'StorageVersionMigration', '1.33', '1.36', ''],
  [
    'storagemigration.k8s.io/v1beta1',
    'StorageVersionMigration',
    '1.37',
    '1.40',
    'storagemigration.k8s.io/v1',
  ],
];

/** Deprecated and removed APIs of Kubernetes. */
export const apiLifecycles: readonly ApiLifecycle[] = rows.map(
  ([apiVersion, kinds, deprecatedIn, removedIn, replacement]) => ({
    apiVersion,
    kinds: kinds.split(' '),
    deprecatedIn,
    ...(removedIn ? { removedIn } : {}),
    ...(replacement ? { replacement } : {}),
  }),
);
