// Is the file an OpenAPI document?  Told by a validator that knows nothing of Sealpost.
import { readFile } from 'node:fs/promises';
import { Validator } from '@seriousme/openapi-schema-validator';

const validator = new Validator();
const result = await validator.validate(JSON.parse(await readFile(process.argv[2], 'utf8')));
if (result.valid) {
	console.log(`valid: OpenAPI ${validator.version}`);
} else {
	console.error(JSON.stringify(result.errors, null, 1));
	process.exit(1);
}
