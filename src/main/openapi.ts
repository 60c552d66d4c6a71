/** Writes openapi/openapi.json from the table of routes: npm run openapi */
import { writeFile } from 'node:fs/promises';
import { openapiDocument } from '../api/openapi.ts';

const file = new URL('../../openapi/openapi.json', import.meta.url);
await writeFile(file, `${JSON.stringify(openapiDocument(), null, 2)}\n`);
