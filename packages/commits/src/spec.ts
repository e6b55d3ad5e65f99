import { defineSpec } from '@zakenak/core';

/** Inputs and outputs of the `sign-verify-commits` action and the `verify` verb. */
export const spec = defineSpec({
  name: 'sign-verify-commits',
  verb: 'verify',
  summary: 'Verify that every commit of the event is signed by someone who may, for who it says it is from.',
  details:
    'SSH (certificates and security keys too), OpenPGP, X.509 and gitsign signatures are verified in process, straight from the commit objects; no key server is asked, and no forge unless mode says so. The signer’s ' +
    'principal, user ID or certificate has to name the committer’s address, and the key has to have been valid when it signed: for X.509 at its time stamp, where it has one, for gitsign at the log’s time. ' +
    'Allowed signers, keyring, CA certificates and what is revoked come from the base branch on a pull request. gitsign signatures need the log’s proof in them (gitsign.rekorMode offline), ' +
    'or a time stamp where the trusted root names no log.',
  example: 'zakenak verify --allowed-signers .zakenak/allowed_signers',
  inputs: {
    base: { type: 'string', description: 'Verify what has been committed since this revision.' },
    head: { type: 'string', description: 'Verify up to this revision; the event’s commit where not given.' },
    config: {
      type: 'string',
      aliases: ['policy-file'],
      description:
        'The policy: policy.commits of this file, which is read like the files of trust; zakenak.yaml, where there is one, if nothing is said.',
    },
    'policy-ref': {
      type: 'string',
      description:
        'Revision whose policy, allowed signers and other files of trust count; the base commit on a pull request where not given.',
    },
    'allowed-signers': {
      type: 'string',
      description: 'File of SSH keys and who they may sign for, as ssh-keygen(1) describes it.',
      default: '.zakenak/allowed_signers',
    },
    keyring: {
      type: 'string',
      description: 'File or folder of armored OpenPGP public keys; every key in it is trusted.',
      default: '.zakenak/keyring',
    },
    'revoked-keys': {
      type: 'string',
      description:
        'File of SSH keys that are never good again: a key revocation list of ssh-keygen -k, or public keys, one a line.',
      default: '.zakenak/revoked_keys',
    },
    'ca-certificates': {
      type: 'string',
      description:
        'PEM file, or folder of them, of X.509 certificates; every one in it is trusted, for signers and for time stamps.',
      default: '.zakenak/ca_certificates',
    },
    'revocation-lists': {
      type: 'string',
      description:
        'Certificate revocation list, PEM or DER, or folder of them, each by one of the CA certificates.',
      default: '.zakenak/revocation_lists',
    },
    'trusted-root': {
      type: 'string',
      description:
        'Sigstore’s trusted root (JSON) for gitsign: its certificate authorities, logs and time stamping authorities.',
      default: '.zakenak/trusted_root.json',
    },
    identities: {
      type: 'list',
      description:
        'Who may sign by gitsign: ISSUER SUBJECT-PATTERN [COMMITTER-PATTERN]; without the last the subject is the committer’s address.',
    },
    'web-flow': {
      type: 'choice',
      choices: ['allow', 'merge-only', 'deny'],
      default: 'merge-only',
      description:
        'Commits that GitHub made and signed itself (committer noreply@github.com; its key has to be in the keyring).',
    },
    bots: {
      type: 'list',
      description: 'Author addresses whose commits GitHub may sign also where they are no merges.',
    },
    'require-dco': {
      type: 'boolean',
      description: 'Demand a Signed-off-by line of the author; merges and bots need none.',
      default: false,
    },
    'min-strength': {
      type: 'integer',
      description:
        'Fewest bits of an RSA key, an authority’s too, and never fewer than 2048; curves of fewer than 256 are never taken.',
      default: 2048,
    },
    'grace-expired': {
      type: 'duration',
      description: 'How long an expired key or certificate still counts; a revoked one never does.',
      default: '0s',
    },
    mode: {
      type: 'choice',
      choices: ['local', 'api', 'both'],
      default: 'local',
      description:
        'Who judges the commits: this engine, the forge through its API (needs token; GitHub and GitLab have one for it), or both, and then both have to agree.',
    },
    tags: {
      type: 'list',
      description:
        'Patterns (v*) of tags into the range that have to be annotated and signed, under their own name; none are verified where nothing is said.',
    },
    sign: {
      type: 'choice',
      choices: ['off', 'git', 'forge'],
      default: 'off',
      description:
        'Sign first what has no signature: git by this clone’s own settings (nothing is pushed), forge by making the commits on the branch through the API (GitHub only; needs token, contents: write).',
    },
    'fail-on': {
      type: 'choice',
      choices: ['unverified', 'none'],
      default: 'unverified',
      description: 'Fail on commits and tags that are not verified, or never.',
    },
  },
  outputs: {
    total: { description: 'Commits and tags judged.' },
    verified: { description: 'Commits and tags that are verified.' },
    unverified: { description: 'JSON object: commit, or refs/tags/ and a tag, to rule id.' },
    'signer-map': { description: 'JSON object: verified commit, or refs/tags/ and a tag, to its signer.' },
    'forge-verdicts': { description: 'JSON object: commit to the forge’s reason, where it was asked.' },
    signed: { description: 'JSON object: commit to the signed one in its place, where sign was asked.' },
    head: { description: 'The last commit after signing, where sign was asked.' },
    range: { description: 'What was verified, in words.' },
  },
});
