import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFetched } from './errors.ts';

/** What helm 4.3 and 3.22 say, to `helm pull` from a repository and from a registry. */
const said = {
  'helm/unreachable': [
    'Error: looks like "http://127.0.0.1:1" is not a valid chart repository or cannot be reached: Get "http://127.0.0.1:1/index.yaml": dial tcp 127.0.0.1:1: connect: connection refused',
    'Error: failed to perform "FetchReference" on source: Get "http://nothing.invalid/v2/charts/web/manifests/1.0.0": dial tcp: lookup nothing.invalid: no such host',
    'Error: failed to perform "FetchReference" on source: Get "http://127.0.0.1:1/v2/charts/web/manifests/1.0.0": EOF',
    'Error: looks like "https://127.0.0.1:1" is not a valid chart repository or cannot be reached: Get "https://127.0.0.1:1/index.yaml": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    'Error: looks like "http://127.0.0.1:1" is not a valid chart repository or cannot be reached: failed to fetch http://127.0.0.1:1/index.yaml : 503 Service Unavailable',
    'Error: failed to perform "FetchReference" on source: GET "http://127.0.0.1:1/v2/charts/web/manifests/1.0.0": response status code 429: Too Many Requests',
  ],
  'helm/unauthorized': [
    'Error: looks like "http://127.0.0.1:1" is not a valid chart repository or cannot be reached: failed to fetch http://127.0.0.1:1/index.yaml : 403 Forbidden',
    'Error: failed to perform "FetchReference" on source: GET "http://127.0.0.1:1/v2/charts/web/manifests/1.0.0": response status code 401: Unauthorized',
  ],
  'helm/not-fetched': [
    'Error: looks like "http://127.0.0.1:5003" is not a valid chart repository or cannot be reached: failed to fetch http://127.0.0.1:5003/index.yaml : 404 Not Found',
    'Error: failed to perform "FetchReference" on source: 127.0.0.1:5003/charts/web:1.0.0: not found',
    'Error: chart "web" version "5.0.3" not found in http://127.0.0.1:401 repository',
  ],
} as const;

for (const [code, reasons] of Object.entries(said))
  test(`what helm says of a chart that it did not get is ${code}`, () => {
    for (const reason of reasons) {
      const error = notFetched('web', reason);
      assert.equal(error.code, code, reason);
      assert.equal(error.exitCode, code === 'helm/not-fetched' ? 2 : 4, reason);
    }
  });
