// For developers: serves the admin center, built anew at every load, and passes /v1 on to a server's Unix socket.
//
//	node ui/dev.mjs SOCKET [PORT]      then http://127.0.0.1:PORT/
//
// Who asks is then who runs this: no log-in is needed, and nothing is protected. It listens on loopback only.
import http from 'node:http';
import { bundle } from './bundle.mjs';

const [socketPath, port = '8025'] = process.argv.slice(2);
if (!socketPath) {
	console.error('usage: node ui/dev.mjs SOCKET [PORT]');
	process.exit(2);
}

// What the server sends with these files, too: what breaks it is to be seen here already.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
let assets = new Map();

async function serve(request, response) {
	const path = new URL(request.url, 'http://localhost').pathname;
	if (path === '/')
		assets = new Map((await bundle({ minify: false })).assets.map(asset => [asset.path, asset]));
	const asset = assets.get(path);
	if (!asset) {
		response.writeHead(404, { 'Content-Type': 'text/plain' }).end('There is no such file.\n');
		return;
	}
	response.writeHead(200, { 'Content-Type': asset.type, 'Content-Security-Policy': policy, 'Cache-Control': 'no-store' });
	response.end(asset.bytes);
}

function pass(request, response) {
	const headers = { ...request.headers, host: 'localhost' };
	delete headers.origin;
	const onward = http.request({ socketPath, path: request.url, method: request.method, headers }, answer => {
		response.writeHead(answer.statusCode, answer.headers);
		answer.pipe(response);
	});
	onward.on('error', error => {
		if (response.headersSent)
			response.destroy();
		else
			response.writeHead(502, { 'Content-Type': 'application/problem+json' })
				.end(JSON.stringify({ title: 'No answer', status: 502, detail: `${socketPath}: ${error.message}` }));
	});
	response.on('close', () => onward.destroy());
	request.pipe(onward);
}

http.createServer((request, response) => {
	if (request.url.startsWith('/v1'))
		pass(request, response);
	else
		serve(request, response).catch(error => {
			console.error(error.message);
			response.writeHead(500, { 'Content-Type': 'text/plain' }).end(error.message);
		});
}).listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/ is ${socketPath}`));
