import { createReport, defineSpec, type InputsOf, type Ports, type Report } from '@zakenak/core';
import { parseAllowedSigners } from './allowed-signers.ts';
import { badSigningKey, noIdentity } from './errors.ts';
import { parseSshKey } from './ssh-key.ts';
import { fingerprintOf } from './verify-ssh.ts';

/** Inputs and outputs of the `sign` verb. */
export const signSetupSpec = defineSpec({
  name: 'sign-setup',
  verb: 'sign',
  summary:
    'Set this clone up to sign commits and tags with an SSH key, and list the key as an allowed signer.',
  example: 'zakenak sign --key ~/.ssh/id_ed25519.pub',
  inputs: {
    key: { type: 'string', required: true, description: 'Absolute path of the SSH public key (.pub).' },
    principal: { type: 'string', description: 'Address to sign for; git’s user.email where not given.' },
    'allowed-signers': {
      type: 'string',
      description: 'File to list the key in.',
      default: '.zakenak/allowed_signers',
    },
  },
  outputs: {
    signer: { description: 'The address and the key’s fingerprint.' },
    changed: { description: 'JSON list of the git settings and files that changed.' },
  },
});

/**
 * Sets gpg.format, user.signingKey, commit.gpgSign, tag.gpgSign and gpg.ssh.allowedSignersFile of this clone, and adds the key's line to the allowed signers.
 * Running it again changes nothing. Throws `commits/bad-signing-key`, `commits/no-identity`, `files/not-found`.
 */
export async function setupSigning(
  request: InputsOf<typeof signSetupSpec>,
  { git, files }: Pick<Ports, 'git' | 'files'>,
): Promise<Report> {
  const [type = '', blob = ''] = (await files.readText(request.key)).trim().split(/\s+/);
  const publicKey = Buffer.from(blob, 'base64').toString('base64');
  if (!isSigningKey(type, publicKey)) throw badSigningKey(request.key);
  const principal = request.principal ?? (await readSetting('user.email', git));
  if (!principal || /[\s,"*?!#]/.test(principal)) throw noIdentity();
  const signersPath = request['allowed-signers'];
  const absolute = await files.resolve(signersPath);
  const wanted = {
    'gpg.format': 'ssh',
    'user.signingKey': request.key,
    'commit.gpgSign': 'true',
    'tag.gpgSign': 'true',
    'gpg.ssh.allowedSignersFile': absolute,
  };
  const changed: string[] = [];
  for (const [name, value] of Object.entries(wanted)) {
    if ((await readSetting(name, git)) === value) continue;
    await git.run(['config', '--local', name, value]);
    changed.push(name);
  }
  const text = (await files.stat(absolute)) === undefined ? '' : await files.readText(absolute);
  const listed = parseAllowedSigners(text, signersPath).some(
    (signer) => signer.publicKey === publicKey && signer.principals.includes(principal),
  );
  if (!listed) {
    const gap = text === '' || text.endsWith('\n') ? '' : '\n';
    await files.write(absolute, `${text}${gap}${principal} namespaces="git" ${type} ${publicKey}\n`);
    changed.push(signersPath);
  }
  return createReport({
    tool: 'sign-setup',
    summary: `Commits of this clone are signed for ${principal}; merge ${signersPath} into the base branch for others to verify them.`,
    outputs: { signer: `${principal} ${fingerprintOf(publicKey)}`, changed },
  });
}

function isSigningKey(type: string, publicKey: string): boolean {
  try {
    return parseSshKey(Buffer.from(publicKey, 'base64'))?.type === type;
  } catch {
    return false;
  }
}

async function readSetting(name: string, git: Ports['git']): Promise<string | undefined> {
  const { exitCode, stdout } = await git.run(['config', '--get', name], { allowFailure: true });
  return exitCode === 0 ? stdout.replace(/\n$/, '') : undefined;
}
