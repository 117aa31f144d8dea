// A module of src/, made ready for Node.
import path from 'node:path';
import * as esbuild from 'esbuild';
import { root } from '../catalogue.mjs';

export async function load(name) {
	const result = await esbuild.build({
		absWorkingDir: root, entryPoints: [path.join('src', name)], bundle: true, format: 'esm', platform: 'node', write: false, logLevel: 'silent',
	});
	return import('data:text/javascript;base64,' + Buffer.from(result.outputFiles[0].contents).toString('base64'));
}
