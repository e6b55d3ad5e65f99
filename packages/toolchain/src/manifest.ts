/** A published archive or binary, checked before it is used. */
export interface Download {
  /** `linux-x64`, `linux-arm64`, `darwin-x64`, `darwin-arm64`, `win32-x64`: Node's platform and architecture. */
  readonly platform: string;
  readonly url: string;
  /** Hex digest of what the address serves. */
  readonly sha256: string;
  /** Path of the program inside a .tar.gz; absent where the address serves the program itself. */
  readonly member?: string;
}

/** How Go builds the program: `module@version` and its command's path, or a module of ours that requires it (for modules with `replace` lines). */
export type GoRoute =
  | { readonly install: string; readonly version: string; readonly ldflags?: string }
  | { readonly wrapper: string; readonly packagePath: string; readonly ldflags?: string };

/** One third-party program. */
export interface ToolEntry {
  readonly description: string;
  /** The version that downloads and builds give; absent for programs that only the machine can have. */
  readonly version?: string;
  /** Versions accepted on the PATH, as a semver range; any where absent. */
  readonly accepts?: string;
  /** File name on the PATH where it differs from the entry's name. */
  readonly command?: string;
  /** Arguments that print the version. */
  readonly versionArgs?: readonly string[];
  readonly downloads?: readonly Download[];
  readonly go?: GoRoute;
  /** Debian package that holds the program. */
  readonly debian?: string;
  /** Further folders to look in after the PATH. */
  readonly folders?: readonly string[];
  /** How a person gets the program. */
  readonly remedy: string;
}

const build = (program: string) =>
  `Install Go 1.26 or later so that it can be built, make downloads reachable, or put ${program} on the PATH.`;
const system = (debian: string) =>
  `Install it with the system’s packages (Debian and Ubuntu: apt-get install ${debian}).`;

/**
 * Every third-party program, at one version. Downloads are listed only with a digest that was computed from, or published with, the very file; the Go route is
 * verified by Go's checksum database.
 */
export const manifest = {
  git: {
    description: 'the repository',
    // --end-of-options and SSH signatures.
    accepts: '>=2.34',
    versionArgs: ['--version'],
    remedy: system('git'),
  },
  helm: {
    description: 'charts: lint and render',
    version: '4.3.1',
    accepts: '>=4.0.0 <5',
    versionArgs: ['version', '--short'],
    go: { install: 'helm.sh/helm/v4/cmd/helm', version: 'v4.3.1' },
    remedy: build('helm 4'),
  },
  helm3: {
    description: 'Helm 3, for repositories that stay with it',
    version: '3.22.0',
    accepts: '>=3.14.0 <4',
    versionArgs: ['version', '--short'],
    go: { install: 'helm.sh/helm/v3/cmd/helm', version: 'v3.22.0' },
    remedy: build('helm 3 as helm3'),
  },
  kubeconform: {
    description: 'manifests against schemas',
    version: '0.8.0',
    accepts: '>=0.6.4',
    versionArgs: ['-v'],
    go: { install: 'github.com/yannh/kubeconform/cmd/kubeconform', version: 'v0.8.0' },
    remedy: build('kubeconform'),
  },
  gitleaks: {
    description: 'secrets in history and files',
    version: '8.30.1',
    accepts: '>=8.24.0',
    versionArgs: ['version'],
    go: {
      install: 'github.com/zricethezav/gitleaks/v8',
      version: 'v8.30.1',
      // Without it a build tells no version, and what an older one found could not be told from what this one finds.
      ldflags: '-X=github.com/zricethezav/gitleaks/v8/version.Version=8.30.1',
    },
    remedy: build('gitleaks'),
  },
  actionlint: {
    description: 'workflows',
    version: '1.7.12',
    accepts: '>=1.7.0',
    versionArgs: ['-version'],
    go: { install: 'github.com/rhysd/actionlint/cmd/actionlint', version: 'v1.7.12' },
    remedy: build('actionlint'),
  },
  buildkitd: {
    description: 'image builds: the daemon',
    version: '0.34.2',
    accepts: '>=0.20.0',
    versionArgs: ['--version'],
    go: {
      wrapper: '../go/buildkit',
      packagePath: 'github.com/moby/buildkit/cmd/buildkitd',
      ldflags: '-X github.com/moby/buildkit/version.Version=v0.34.2',
    },
    remedy: build('buildkitd'),
  },
  buildctl: {
    description: 'image builds: the client',
    version: '0.34.2',
    accepts: '>=0.20.0',
    versionArgs: ['--version'],
    go: {
      wrapper: '../go/buildkit',
      packagePath: 'github.com/moby/buildkit/cmd/buildctl',
      ldflags: '-X github.com/moby/buildkit/version.Version=v0.34.2',
    },
    remedy: build('buildctl'),
  },
  runc: {
    description: 'containers of image builds and of the real node',
    versionArgs: ['--version'],
    debian: 'runc',
    remedy: system('runc'),
  },
  containerd: {
    description: 'the real node’s container runtime',
    // ctr import --no-unpack and the CRI's registry folder.
    accepts: '>=1.6.0',
    versionArgs: ['--version'],
    debian: 'containerd',
    remedy: system('containerd'),
  },
  'cni-plugins': {
    description: 'the real node’s pod network',
    command: 'ptp',
    debian: 'containernetworking-plugins',
    folders: ['/usr/lib/cni', '/opt/cni/bin'],
    remedy: system('containernetworking-plugins'),
  },
  iptables: {
    description: 'the real node’s services',
    debian: 'iptables',
    folders: ['/usr/sbin', '/sbin'],
    remedy: system('iptables'),
  },
  busybox: {
    description: 'the program of the real node’s first image',
    debian: 'busybox-static',
    remedy: system('busybox-static'),
  },
  'sandbox-node': {
    description: 'keeps the sandbox’s real node apart from the machine',
    version: '0.1.0',
    // Ours alone.
    command: 'zakenak-sandbox-node',
    go: { wrapper: '../../sandbox/go/sandbox-node', packagePath: '.' },
    remedy: build('the node’s holder'),
  },
  registry: {
    description: 'the sandbox’s OCI registry',
    version: '3.1.2',
    // Debian's docker-registry 2 has another command line.
    accepts: '>=3.0.0',
    versionArgs: ['--version'],
    go: { install: 'github.com/distribution/distribution/v3/cmd/registry', version: 'v3.1.2' },
    remedy: build('registry'),
  },
  kwok: {
    description: 'the sandbox’s simulated nodes',
    version: '0.8.0',
    accepts: '>=0.6.0',
    versionArgs: ['--version'],
    go: { install: 'sigs.k8s.io/kwok/cmd/kwok', version: 'v0.8.0' },
    remedy: build('kwok'),
  },
  kubernetes: {
    description: 'the sandbox’s control plane in one program',
    version: '1.34.4',
    // Ours alone: it also ends its children with their parent.
    command: 'zakenak-kubernetes',
    versionArgs: ['kubectl', 'version', '--client'],
    go: {
      wrapper: '../../sandbox/go/kubernetes',
      packagePath: '.',
      ldflags:
        '-X k8s.io/component-base/version.gitVersion=v1.34.4 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34 -X k8s.io/client-go/pkg/version.gitVersion=v1.34.4',
    },
    remedy: build('the control plane'),
  },
  sops: {
    description: 'values files that are encrypted',
    version: '3.13.3',
    accepts: '>=3.9.0 <4',
    versionArgs: ['--disable-version-check', '--version'],
    go: { install: 'github.com/getsops/sops/v3/cmd/sops', version: 'v3.13.3' },
    remedy: build('sops'),
  },
  syft: {
    description: 'software bills of materials',
    version: '1.57.0',
    accepts: '>=1.0.0',
    versionArgs: ['version'],
    go: { install: 'github.com/anchore/syft/cmd/syft', version: 'v1.57.0' },
    remedy: build('syft'),
  },
  grype: {
    description: 'vulnerabilities of images',
    accepts: '>=0.80.0',
    versionArgs: ['version'],
    remedy: build('grype'),
  },
  trivy: {
    description: 'vulnerabilities of images',
    accepts: '>=0.50.0',
    versionArgs: ['--version'],
    remedy: 'Install trivy from its publisher and put it on the PATH.',
  },
  docker: {
    description: 'the Docker engine’s client',
    versionArgs: ['--version'],
    remedy: 'Install Docker with its engine and NVIDIA’s runtime.',
  },
  go: {
    description: 'builds programs that cannot be downloaded',
    accepts: '>=1.21.0',
    versionArgs: ['version'],
    remedy: 'Install Go 1.21 or later.',
  },
  gpg: {
    description: 'OpenPGP signing',
    versionArgs: ['--version'],
    debian: 'gnupg',
    remedy: system('gnupg'),
  },
  gitsign: {
    description: 'keyless signatures: what the tests compare with',
    version: '0.14.0',
    accepts: '>=0.13.0',
    versionArgs: ['--version'],
    go: { wrapper: '../go/gitsign', packagePath: 'github.com/sigstore/gitsign' },
    remedy: build('gitsign'),
  },
  gpgsm: {
    description: 'X.509 signing',
    versionArgs: ['--version'],
    debian: 'gpgsm',
    remedy: system('gpgsm'),
  },
  'ssh-keygen': { description: 'SSH signing', debian: 'openssh-client', remedy: system('openssh-client') },
  'nvidia-smi': {
    description: 'the NVIDIA driver',
    // Windows 11 puts the driver's programs there inside WSL2.
    folders: ['/usr/lib/wsl/lib'],
    remedy: 'Install the NVIDIA driver 535.104.05 or later; under WSL2 install it on Windows only.',
  },
  'nvidia-ctk': {
    description: 'NVIDIA’s container toolkit',
    remedy: 'Install the NVIDIA Container Toolkit.',
  },
} as const satisfies Record<string, ToolEntry>;

/** Name of a program of the manifest. */
export type ToolName = keyof typeof manifest;

/** The entry of a name; undefined for a program that the manifest does not know. */
export function findEntry(name: string): ToolEntry | undefined {
  return Object.hasOwn(manifest, name) ? manifest[name as ToolName] : undefined;
}
