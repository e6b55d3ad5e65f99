import { defineSpec } from '@zakenak/core';

/** Inputs and outputs of the `sign` verb. */
export const signSpec = defineSpec({
  name: 'sign',
  verb: 'sign',
  summary: 'Sign the commits that have no signature yet, or set this clone up to sign.',
  details:
    'commits signs what has no signature since the base, by git’s own settings (gpg.format openpgp, ssh or x509), and makes the commits above anew; nothing is pushed. With --by forge each commit is made ' +
    'on the forge’s branch through its API instead, which signs it as the token’s user: plain files only. setup sets gpg.format, user.signingKey, commit.gpgSign and tag.gpgSign of this clone, ' +
    'lists the key where verify looks for it, and says whether the forge demands signatures.',
  example: 'zakenak sign setup --key ~/.ssh/id_ed25519.pub',
  inputs: {
    action: {
      type: 'choice',
      choices: ['commits', 'setup'],
      description:
        'What to do, as a word: `zakenak sign setup`; where not given setup with a key, else commits.',
    },
    key: {
      type: 'string',
      description:
        'For setup: absolute path of an SSH public key (.pub), else fingerprint or address of a secret key of gpg, or of gpgsm with --format x509.',
    },
    format: {
      type: 'choice',
      choices: ['ssh', 'openpgp', 'x509'],
      description: 'For setup: kind of the key; ssh for a path, else openpgp.',
    },
    principal: { type: 'string', description: 'Address to sign for; git’s user.email where not given.' },
    'allowed-signers': {
      type: 'string',
      description: 'File to list an SSH key in.',
      default: '.zakenak/allowed_signers',
    },
    keyring: {
      type: 'string',
      description: 'Folder to put an OpenPGP public key in.',
      default: '.zakenak/keyring',
    },
    'ca-certificates': {
      type: 'string',
      description: 'Folder to put the root of an X.509 key’s certificate in.',
      default: '.zakenak/ca_certificates',
    },
    base: {
      type: 'string',
      description: 'Sign what has been committed since this revision; else what the event brought.',
    },
    by: {
      type: 'choice',
      choices: ['git', 'forge'],
      default: 'git',
      description: 'Who signs: this clone’s key, or the forge through its API (needs token).',
    },
    branch: {
      type: 'string',
      description:
        'With --by forge: branch there that stands at the base; the current one’s name where not given.',
    },
  },
  outputs: {
    signer: { description: 'Of setup: the address and the key’s fingerprint.' },
    changed: { description: 'Of setup: JSON list of the git settings and files that changed.' },
    'branch-protection': {
      description:
        'Of setup: whether the forge demands signatures on the default branch: required, not-required or unknown.',
    },
    signed: { description: 'JSON object: commit to the one that is signed in its place.' },
    head: { description: 'The last signed commit.' },
  },
});

/** The type of the `sign` verb's spec. */
export type SignSpec = typeof signSpec;
