// Makes the files of the admin center: [{path, type, bytes, isImmutable}], and the list of what they are made of.
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import * as esbuild from 'esbuild';
import { languages, root, textsOf } from './catalogue.mjs';

const types = {
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.css': 'text/css; charset=utf-8',
	'.svg': 'image/svg+xml',
};

/** import('catalogue:de') is a module of that language's texts. */
const catalogue = {
	name: 'catalogue',
	setup(build) {
		build.onResolve({ filter: /^catalogue:/ }, ({ path: name }) =>
			({ path: name.slice('catalogue:'.length), namespace: 'catalogue' }));
		build.onLoad({ filter: /.*/, namespace: 'catalogue' }, ({ path: language }) => {
			if (!languages.includes(language))
				return { errors: [{ text: `there is no language ${language}` }] };
			return { contents: JSON.stringify(textsOf(language)), loader: 'json' };
		});
	},
};

const hash = bytes => crypto.createHash('sha256').update(bytes).digest('base64url').slice(0, 10).replace(/[-_]/g, 'x');

export async function bundle({ minify = true } = {}) {
	const result = await esbuild.build({
		absWorkingDir: root,
		entryPoints: { main: 'src/main.tsx', style: 'style/main.css' },
		bundle: true,
		splitting: true,
		format: 'esm',
		target: ['chrome110', 'firefox110', 'safari16.4'],
		jsx: 'automatic',
		jsxImportSource: 'preact',
		legalComments: 'none',
		minify,
		write: false,
		metafile: true,
		outdir: 'assets',
		entryNames: '[name]-[hash]',
		chunkNames: 'part-[hash]',
		plugins: [catalogue],
		logLevel: 'silent',
	});
	const assets = result.outputFiles.map(file => {
		const name = path.basename(file.path);
		return { path: `/assets/${name}`, type: types[path.extname(name)], bytes: Buffer.from(file.contents), isImmutable: true };
	});
	const icon = fs.readFileSync(path.join(root, 'icon.svg'));
	assets.push({ path: `/assets/icon-${hash(icon)}.svg`, type: types['.svg'], bytes: icon, isImmutable: true });
	const find = pattern => assets.find(asset => pattern.test(asset.path)).path;
	const page = fs.readFileSync(path.join(root, 'index.html'), 'utf8')
		.replace('%SCRIPT%', find(/main-.*\.js$/)).replace('%STYLE%', find(/style-.*\.css$/)).replace('%ICON%', find(/icon-/));
	assets.unshift({ path: '/', type: types['.html'], bytes: Buffer.from(page), isImmutable: false });
	const inputs = Object.keys(result.metafile.inputs).filter(name => !name.startsWith('catalogue:'))
		.map(name => path.join(root, name));
	const here = ['index.html', 'icon.svg', 'bundle.mjs', 'build.mjs', 'catalogue.mjs', 'package.json', 'catalogue']
		.map(name => path.join(root, name));
	const texts = fs.readdirSync(path.join(root, 'catalogue')).map(name => path.join(root, 'catalogue', name));
	return { assets, inputs: [...here, ...texts, ...inputs] };
}
