import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { routes } from './contract/routes.ts';
import { openapiDocument } from './openapi.ts';

test('the committed OpenAPI document equals the table of routes (else: npm run openapi)', async () => {
  const committed = await readFile(new URL('../../openapi/openapi.json', import.meta.url), 'utf8');
  assert.deepEqual(JSON.parse(committed), JSON.parse(JSON.stringify(openapiDocument())));
});

test('every route has one operation in the document, and every reference leads somewhere', () => {
  const document = openapiDocument() as {
    paths: Record<string, Record<string, { operationId: string }>>;
    components: Record<string, Record<string, unknown>>;
  };
  const ids = Object.values(document.paths).flatMap((path) => Object.values(path).map((o) => o.operationId));
  assert.deepEqual(ids.sort(), Object.keys(routes).sort());
  for (const [, group, name] of JSON.stringify(document).matchAll(/"#\/components\/(\w+)\/(\w+)"/g)) {
    assert.ok(document.components[group!]?.[name!], `${group}/${name} is missing`);
  }
});
