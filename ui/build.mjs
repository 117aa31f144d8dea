// Writes the files of the admin center as the C table of src/process/admin/assets.h.
//
//	node build.mjs OUT.c [DEPFILE]
import crypto from 'node:crypto';
import fs from 'node:fs';
import zlib from 'node:zlib';
import { bundle } from './bundle.mjs';

const LIMIT = 300 * 1024; // of everything, compressed
const [out, depfile] = process.argv.slice(2);
if (!out) {
	console.error('usage: node build.mjs OUT.c [DEPFILE]');
	process.exit(2);
}

const text = value => JSON.stringify(value);

/** Octal escapes of three digits: no byte can run into the next one. */
function literal(bytes) {
	const lines = [];
	for (let at = 0; at < bytes.length; at += 32) {
		let line = '';
		for (const byte of bytes.subarray(at, at + 32))
			line += '\\' + byte.toString(8).padStart(3, '0');
		lines.push(`\t"${line}"`);
	}
	return lines.join('\n');
}

function table(assets) {
	const parts = ['/* Made by ui/build.mjs of ui/. */', '#include "process/admin/assets.h"', ''];
	assets.forEach((asset, i) => parts.push(`static const char bytes_${i}[] =\n${literal(asset.packed)};\n`));
	parts.push('const struct admin_asset admin_assets[] = {');
	assets.forEach((asset, i) => parts.push(`\t{${text(asset.path)}, ${text(asset.type)}, ${text(asset.etag)}, ` +
		`{bytes_${i}, sizeof(bytes_${i}) - 1}, ${asset.isGzip}, ${asset.isImmutable}},`));
	parts.push('};', `const size_t admin_asset_count = ${assets.length};`, '');
	return parts.join('\n');
}

try {
	const { assets, inputs } = await bundle();
	let total = 0;
	for (const asset of assets) {
		const packed = zlib.gzipSync(asset.bytes, { level: 9 });
		asset.isGzip = packed.length < asset.bytes.length;
		asset.packed = asset.isGzip ? packed : asset.bytes;
		asset.etag = '"' + crypto.createHash('sha256').update(asset.bytes).digest('hex').slice(0, 24) + '"';
		total += asset.packed.length;
	}
	if (total > LIMIT)
		throw new Error(`the admin center has ${total} bytes compressed, more than ${LIMIT}`);
	fs.writeFileSync(out, table(assets));
	if (depfile)
		fs.writeFileSync(depfile, `${out}: ${inputs.map(name => name.replace(/ /g, '\\ ')).join(' \\\n  ')}\n`);
} catch (error) {
	for (const one of error.errors ?? [])
		console.error(`ui/${one.location?.file ?? ''}:${one.location?.line ?? ''}: ${one.text}`);
	if (!error.errors)
		console.error(`ui: ${error.message}`);
	process.exit(1);
}
