import { type Call, firstFault, isText, only, type Reply, type StandIn, startStandIn } from './stand-in.ts';

/** A thread as Azure keeps it. */
export interface AzureThread {
  readonly id: number;
  status: unknown;
  isDeleted: boolean;
  readonly comments: { readonly id: number; content: string; readonly author: { readonly id: string } }[];
}

/** Azure DevOps with the organisation acme, one repository, r-1, and one pull request, 7. */
export interface AzureStandIn extends StandIn {
  readonly threads: AzureThread[];
  /** `pullRequests/7` or `commits/SHA`, and the body. */
  readonly statuses: { readonly on: string; readonly body: Readonly<Record<string, unknown>> }[];
}

/** The id of the user that writes with the token. */
export const azureUser = 'u-1';

const own = '/acme/_apis/git/repositories/r-1/';

/**
 * Azure DevOps' REST API, as far as the port needs it, with its rules: the version in every address, no unknown keys, limits, and the page to sign in on
 * instead of a refusal (learn.microsoft.com, rest/api/azure/devops/git).
 */
export async function startAzure(token: string): Promise<AzureStandIn> {
  const expected = `Basic ${Buffer.from(`:${token}`).toString('base64')}`;
  const state = { threads: [] as AzureThread[], statuses: [] as AzureStandIn['statuses'] };
  const standIn: AzureStandIn = Object.assign(
    await startStandIn((call) => {
      if (call.headers['authorization'] !== expected) return { status: 203, data: '<html>Sign in</html>' };
      if (call.url.pathname === '/acme/_apis/connectionData')
        return { status: 200, data: { authenticatedUser: { id: azureUser } } };
      if (call.url.searchParams.get('api-version') !== '7.1')
        return refuse(400, 'No api-version was supplied');
      const path = call.url.pathname.replace(own, '');
      if (/^(pullRequests\/7|commits\/[0-9a-f]{40})\/statuses$/.test(path))
        return answerStatus(call, standIn);
      if (path.startsWith('pullRequests/7/threads')) return answerThreads(call, standIn);
      return refuse(404, 'TF401180: The requested pull request was not found.');
    }),
    state,
  );
  return standIn;
}

function refuse(status: number, message: string): Reply {
  return { status, data: { $id: '1', message, typeKey: 'GitException' } };
}

const statuses = ['unknown', 'active', 'fixed', 'wontFix', 'closed', 'byDesign', 'pending'];

function answerThreads({ method, url, sent }: Call, { threads }: AzureStandIn): Reply {
  const [, id, commentId] = /\/threads(?:\/(\d+))?(?:\/comments\/(\d+))?$/.exec(url.pathname) ?? [];
  if (method === 'GET' && !id) return { status: 200, data: { value: threads, count: threads.length } };
  if (method === 'POST' && !id) return makeThread(sent, threads);
  const thread = threads.find((one) => String(one.id) === id && !one.isDeleted);
  const comment = thread?.comments.find((one) => String(one.id) === commentId);
  if (!thread || (commentId && !comment)) return refuse(404, 'The thread was not found.');
  if (method === 'DELETE' && comment) {
    thread.isDeleted = true;
    return { status: 200 };
  }
  if (method !== 'PATCH') return refuse(405, 'The method is not supported.');
  if (comment) {
    const content = only(sent, ['content'])?.['content'];
    if (!isText(content, 150_000)) return refuse(400, 'The comment is too long.');
    comment.content = content;
  } else {
    const status = only(sent, ['status'])?.['status'];
    if (!statuses.includes(String(status))) return refuse(400, 'The status is none.');
    thread.status = status;
  }
  return { status: 200, data: thread };
}

function makeThread(sent: unknown, threads: AzureThread[]): Reply {
  const thread = only(sent, ['comments', 'status']);
  const list = thread?.['comments'];
  const first = only(Array.isArray(list) ? list[0] : undefined, [
    'parentCommentId',
    'commentType',
    'content',
  ]);
  const fault = firstFault({
    status: statuses.includes(String(thread?.['status'])),
    parent: first?.['parentCommentId'] === 0,
    type: ['text', 1].includes(first?.['commentType'] as never),
    content: isText(first?.['content'], 150_000),
  });
  if (fault) return refuse(400, `Bad thread: ${fault}`);
  const comments = [{ id: 1, content: String(first?.['content']), author: { id: azureUser } }];
  const made = { id: threads.length + 101, status: thread?.['status'], isDeleted: false, comments };
  threads.push(made);
  return { status: 200, data: made };
}

function answerStatus({ method, url, sent }: Call, standIn: AzureStandIn): Reply {
  const status = only(sent, ['state', 'description', 'context', 'targetUrl']);
  const context = only(status?.['context'], ['genre', 'name']);
  const known = ['notSet', 'pending', 'succeeded', 'failed', 'error', 'notApplicable'];
  const fault = firstFault({
    method: method === 'POST',
    state: known.includes(String(status?.['state'])),
    description: isText(status?.['description'], 4_000),
    name: isText(context?.['name'], 256),
  });
  if (fault || !status) return refuse(400, `Bad status: ${fault}`);
  const [, on = ''] = /repositories\/r-1\/(.*)\/statuses$/.exec(url.pathname) ?? [];
  standIn.statuses.push({ on, body: status });
  return { status: 200, data: status };
}
