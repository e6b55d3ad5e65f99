import { type Call, firstFault, isText, only, type Reply, type StandIn, startStandIn } from './stand-in.ts';

/** A comment as Bitbucket keeps it. */
export interface BitbucketComment {
  readonly id: number;
  readonly content: { raw: string };
  readonly user: { readonly uuid: string; readonly type: string };
  deleted: boolean;
}

/** Bitbucket Cloud with one repository, acme/platform, and one pull request, 7. */
export interface BitbucketStandIn extends StandIn {
  readonly comments: BitbucketComment[];
  /** By key: a status that is set again replaces the one before. */
  readonly statuses: Map<string, Readonly<Record<string, unknown>>>;
  readonly reports: Map<string, BitbucketReport>;
  /** A person's token may ask who it is, a repository's may not. */
  personal: boolean;
}

/** A report of Code Insights. */
export interface BitbucketReport {
  readonly report: Readonly<Record<string, unknown>>;
  readonly annotations: Map<unknown, Readonly<Record<string, unknown>>>;
}

/** The user that writes with the token. */
export const bitbucketUser = { uuid: '{a}', type: 'user' };

const own = '/2.0/repositories/acme/platform';

/**
 * Bitbucket Cloud's REST API, as far as the port needs it, with its rules: pages by `next`, no unknown keys, limits, and the proxy of Pipelines, which gets
 * whole addresses and no credential (developer.atlassian.com, cloud/bitbucket/rest).
 */
export async function startBitbucket(token: string): Promise<BitbucketStandIn> {
  const state = {
    comments: [] as BitbucketComment[],
    statuses: new Map<string, Readonly<Record<string, unknown>>>(),
    reports: new Map<string, BitbucketReport>(),
    personal: true,
  };
  const standIn: BitbucketStandIn = Object.assign(
    await startStandIn((call, origin) => {
      const proxied = call.target.startsWith('http://api.bitbucket.org/');
      const authorized = proxied
        ? call.headers['authorization'] === undefined && call.url.pathname.includes('/reports/')
        : call.headers['authorization'] === `Bearer ${token}`;
      if (!authorized) return refuse(401, 'Token is invalid, expired, or not supported for this endpoint.');
      if (call.url.pathname === '/2.0/user')
        return standIn.personal
          ? { status: 200, data: bitbucketUser }
          : refuse(403, 'Lacks the scope account');
      const path = call.url.pathname.replace(own, '');
      if (path.startsWith('/pullrequests/7/comments')) return answerComments(call, standIn, origin);
      if (/^\/commit\/[0-9a-f]{40}\/statuses\/build$/.test(path)) return answerStatus(call, standIn);
      if (/^\/commit\/[0-9a-f]{40}\/reports\//.test(path)) return answerReport(call, standIn);
      return refuse(404, 'Resource not found');
    }),
    state,
  );
  return standIn;
}

function refuse(status: number, message: string): Reply {
  return { status, data: { type: 'error', error: { message } } };
}

function answerComments({ method, url, sent }: Call, standIn: BitbucketStandIn, origin: string): Reply {
  const { comments } = standIn;
  const [, id] = /\/comments\/(\d+)$/.exec(url.pathname) ?? [];
  if (method === 'GET' && !id) {
    const size = Number(url.searchParams.get('pagelen') ?? 10);
    if (size > 100) return refuse(400, 'Invalid pagelen');
    const page = Number(url.searchParams.get('page') ?? 1);
    const next = `${origin}${url.pathname}?pagelen=${size}&page=${page + 1}`;
    const values = comments.slice((page - 1) * size, page * size);
    return { status: 200, data: { values, ...(comments.length > page * size ? { next } : {}) } };
  }
  const raw = only(only(sent, ['content'])?.['content'], ['raw'])?.['raw'];
  if (method !== 'DELETE' && !isText(raw, 32_768))
    return refuse(400, 'content.raw: Ensure this value has at most 32768 characters');
  if (method === 'POST' && !id) {
    const user = standIn.personal ? bitbucketUser : { uuid: '{token}', type: 'app_user' };
    const comment = { id: comments.length + 1, content: { raw: String(raw) }, user, deleted: false };
    comments.push(comment);
    return { status: 201, data: comment };
  }
  const comment = comments.find((one) => String(one.id) === id && !one.deleted);
  if (!comment) return refuse(404, 'Comment not found');
  if (method === 'DELETE') comment.deleted = true;
  else comment.content.raw = String(raw);
  return method === 'DELETE' ? { status: 204 } : { status: 200, data: comment };
}

function answerStatus({ method, sent }: Call, { statuses }: BitbucketStandIn): Reply {
  const status = only(sent, ['key', 'name', 'state', 'description', 'url']);
  const fault = firstFault({
    method: method === 'POST',
    body: status !== undefined,
    key: isText(status?.['key'], 40),
    state: ['SUCCESSFUL', 'FAILED', 'INPROGRESS', 'STOPPED'].includes(String(status?.['state'])),
    url: URL.canParse(String(status?.['url'])),
    description: isText(status?.['description'], 255),
  });
  if (fault || !status) return refuse(400, `Bad request: ${fault}`);
  statuses.set(String(status['key']), status);
  return { status: 201, data: status };
}

function answerReport({ method, url, sent }: Call, { reports }: BitbucketStandIn): Reply {
  const [, id = '', list] = /\/reports\/([^/]+)(\/annotations)?$/.exec(url.pathname) ?? [];
  if (method === 'DELETE') return reports.delete(id) ? { status: 204 } : refuse(404, 'Report not found');
  if (list) return answerAnnotations(method, sent, reports.get(id));
  const keys = ['title', 'details', 'report_type', 'reporter', 'result', 'data', 'link'];
  const report = only(sent, keys);
  const fault = firstFault({
    method: method === 'PUT',
    body: report !== undefined,
    title: isText(report?.['title'], 450),
    details: isText(report?.['details'], 2_000),
    type: ['SECURITY', 'COVERAGE', 'TEST', 'BUG'].includes(String(report?.['report_type'])),
    result: ['PASSED', 'FAILED', 'PENDING'].includes(String(report?.['result'])),
    data: Array.isArray(report?.['data']) && report['data'].length <= 10,
  });
  if (fault || !report) return refuse(400, `Bad request: ${fault}`);
  reports.set(id, { report, annotations: reports.get(id)?.annotations ?? new Map() });
  return { status: 200, data: report };
}

function answerAnnotations(method: string, sent: unknown, report: BitbucketReport | undefined): Reply {
  if (!report) return refuse(404, 'Report not found');
  if (method !== 'POST' || !Array.isArray(sent) || sent.length < 1 || sent.length > 100)
    return refuse(400, 'Between 1 and 100 annotations are expected');
  for (const one of sent) {
    const keys = ['external_id', 'annotation_type', 'severity', 'summary', 'details', 'path', 'line'];
    const annotation = only(one, keys);
    const line = annotation?.['line'];
    const fault = firstFault({
      body: annotation !== undefined,
      id: isText(annotation?.['external_id'], 450) && !report.annotations.has(annotation['external_id']),
      type: ['VULNERABILITY', 'CODE_SMELL', 'BUG'].includes(String(annotation?.['annotation_type'])),
      severity: ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'].includes(String(annotation?.['severity'])),
      summary: isText(annotation?.['summary'], 450),
      details: isText(annotation?.['details'], 2_000),
      line: line === undefined || (Number.isInteger(line) && Number(line) > 0),
      most: report.annotations.size < 1_000,
    });
    if (fault || !annotation) return refuse(400, `Bad annotation: ${fault}`);
    report.annotations.set(annotation['external_id'], annotation);
  }
  return { status: 200, data: sent };
}
