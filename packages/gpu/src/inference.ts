import { type Finding, type KubeApi, type Ports, ZakenakError } from '@zakenak/core';
import { gpuFinding } from './findings.ts';
import type { SmokeRequest } from './request.ts';

/** What the model's answer showed. */
export interface InferenceFacts {
  readonly tokensPerSecond?: number;
  readonly findings: readonly Finding[];
}

/** Enough for a first word, little enough for a CPU to answer in time. */
const promptTokens = 16;

/** Asks Ollama (https://github.com/ollama/ollama/blob/main/docs/api.md) for a few tokens, then whether the model lies in GPU memory. */
export async function probeInference(
  request: SmokeRequest,
  ports: Pick<Ports, 'http'> & { readonly kube: KubeApi },
  signal?: AbortSignal,
): Promise<InferenceFacts> {
  const base = request.inferenceUrl ?? (await serviceUrl(request, ports.kube, signal));
  const model = request.model ?? '';
  if (typeof base !== 'string') return { findings: [base] };
  const body = {
    model,
    prompt: 'Answer with one word: ready?',
    stream: false,
    options: { num_predict: promptTokens },
  };
  try {
    const answer = await ports.http.request(
      {
        url: `${base}/api/generate`,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        timeoutMs: request.timeoutMs,
      },
      signal,
    );
    const text = Buffer.from(answer.body).toString('utf8');
    if (answer.status !== 200) return { findings: [refused(model, answer.status, text)] };
    const tokensPerSecond = parseSpeed(text);
    if (tokensPerSecond === undefined) return { findings: [noTokens(model)] };
    const loaded = await ports.http.request({ url: `${base}/api/ps`, timeoutMs: 30_000 }, signal);
    const share =
      loaded.status === 200 ? parseGpuShare(Buffer.from(loaded.body).toString('utf8'), model) : undefined;
    return { tokensPerSecond, findings: share !== undefined && share < 1 ? [onCpu(model, share)] : [] };
  } catch (error) {
    if (!(error instanceof ZakenakError && error.code.startsWith('http/'))) throw error;
    return { findings: [unreachable(base, error.message)] };
  }
}

async function serviceUrl(
  { inferenceService: at }: SmokeRequest,
  kube: KubeApi,
  signal?: AbortSignal,
): Promise<string | Finding> {
  const service = await kube.get({ apiVersion: 'v1', kind: 'Service', ...at }, signal);
  const spec = (service?.spec ?? {}) as {
    readonly clusterIP?: string;
    readonly ports?: readonly { readonly port: number }[];
  };
  const { clusterIP } = spec;
  const port = spec.ports?.[0]?.port;
  if (!clusterIP || clusterIP === 'None' || port === undefined)
    return gpuFinding(
      'gpu/no-inference-service',
      `There is no service ${at.namespace}/${at.name} with an address of its own.`,
      "Deploy Ollama first, or name its service with 'inference-service' or its address with 'inference-url'.",
    );
  return `http://${clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP}:${port}`;
}

/** Tokens a second of an /api/generate answer, undefined where no token came. Durations there are nanoseconds. */
export function parseSpeed(text: string): number | undefined {
  const { eval_count: count = 0, eval_duration: duration = 0 } = parse(text) as Record<string, number>;
  if (count <= 0) return undefined;
  return duration > 0 ? Math.round((count / duration) * 1e10) / 10 : 0;
}

/** Share of the model that lies in GPU memory (0 to 1) by /api/ps, undefined where the model is not listed. */
export function parseGpuShare(text: string, model: string): number | undefined {
  const { models = [] } = parse(text) as {
    models?: readonly { name?: string; size?: number; size_vram?: number }[];
  };
  const found = models.find(({ name }) => name === model || name === `${model}:latest`);
  return found?.size ? (found.size_vram ?? 0) / found.size : undefined;
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

function unreachable(base: string, reason: string): Finding {
  return gpuFinding(
    'gpu/inference-unreachable',
    `Ollama at ${base} gives no answer: ${reason}`,
    "Run this on a node of the cluster, or set 'inference-url' to an address that can be reached from here.",
  );
}

function refused(model: string, status: number, text: string): Finding {
  const { error } = parse(text) as { error?: string };
  const said = error ?? text.slice(0, 200);
  return status === 404
    ? gpuFinding(
        'gpu/model-missing',
        `Ollama does not have the model ${model}: ${said}`,
        `Pull it first: ollama pull ${model}.`,
      )
    : gpuFinding(
        'gpu/inference-failed',
        `Ollama answered ${status} for ${model}: ${said}`,
        'Read Ollama’s log; a model that is too large for the GPU says so there.',
      );
}

function noTokens(model: string): Finding {
  return gpuFinding(
    'gpu/inference-failed',
    `The model ${model} answered without a single token.`,
    'Read Ollama’s log and pull the model again.',
  );
}

function onCpu(model: string, share: number): Finding {
  const percent = Math.round(share * 100);
  return gpuFinding(
    'gpu/inference-on-cpu',
    `Only ${percent} % of the model ${model} lies in GPU memory; the rest runs on the CPU.`,
    'Free GPU memory, shorten the context, or choose a smaller or more quantised model.',
    { severity: share === 0 ? 'high' : 'medium' },
  );
}
