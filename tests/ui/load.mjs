// How much a first visit brings, and how long the overview takes: cold (nothing in the cache) and warm (once more).
//
//	node tests/ui/load.mjs '{"url": "https://...", "user": "...", "password": "...", "rounds": 5, "rows": 50}'
//
// From the beginning of the navigation to the moment when every part of the overview is drawn, with ROWS connectors.
import https from 'node:https';
import { must, run, settings } from './browser.mjs';

const { url, user, password, rounds = 5, rows = 1 } = settings;

/** Runs in the page: notes when nothing is loading any more, with its heading and its rows there. */
function note(rows) {
	const look = () => {
		if (!window.drawn && document.querySelector('main h1') && !document.querySelector('.loading') && document.querySelectorAll('main tbody tr').length >= rows)
			requestAnimationFrame(() => setTimeout(() => (window.drawn ??= performance.now()))); // it is on the screen then
	};
	new MutationObserver(look).observe(document, { childList: true, subtree: true });
}

/** The cookie of a session, without the browser: it shall know no connection and no file yet. */
function logIn() {
	const body = JSON.stringify({ user, password });
	const { port, host } = new URL(url);
	return new Promise((resolve, reject) => https.request({ host: '127.0.0.1', port, method: 'POST', path: '/v1/session', rejectUnauthorized: false,
		headers: { Host: host, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) } }, answer => {
		const [cookie] = answer.headers['set-cookie'] ?? [];
		answer.resume();
		return cookie ? resolve(/^([^=]+)=([^;]*)/.exec(cookie).slice(1)) : reject(new Error(`log-in: ${answer.statusCode}`));
	}).on('error', reject).end(body));
}

async function visit(page, go) {
	const devtools = await page.context().newCDPSession(page);
	let bytes = 0, requests = 0;
	await devtools.send('Network.enable');
	await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
	const worked = async () => (await devtools.send('Performance.getMetrics')).metrics.find(one => one.name === 'TaskDuration').value * 1000;
	const before = await worked();
	devtools.on('Network.loadingFinished', event => {
		bytes += event.encodedDataLength;
		requests++;
	});
	await go();
	await page.waitForFunction(() => window.drawn);
	const cpu = await worked() - before;
	await devtools.detach();
	return { ms: await page.evaluate(() => window.drawn), cpu, bytes, requests };
}

async function round(browser) {
	const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB' });
	try {
		const [name, value] = await logIn();
		await context.addCookies([{ name, value, domain: new URL(url).hostname, path: '/', secure: true, httpOnly: true, sameSite: 'Strict' }]);
		const page = await context.newPage();
		await page.addInitScript(note, rows);
		const cold = await visit(page, () => page.goto(`${url}/#/overview`));
		return { cold, warm: await visit(page, () => page.reload()) };
	} finally {
		await context.close();
	}
}

const middle = values => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

await run(async ({ browser }) => {
	await round(browser); // the browser itself warms up
	const found = [];
	for (let n = 0; n < rounds; n++)
		found.push(await round(browser));
	must(found.every(one => one.cold.bytes < 300_000), 'a first visit brings 300 kB or more');
	for (const kind of ['cold', 'warm']) {
		const all = found.map(one => one[kind]);
		const ms = all.map(one => one.ms);
		console.log(`${kind}: ${middle(ms).toFixed(0)} ms (${Math.min(...ms).toFixed(0)} to ${Math.max(...ms).toFixed(0)}), `
			+ `${(middle(all.map(one => one.bytes)) / 1000).toFixed(1)} kB in ${middle(all.map(one => one.requests))} requests; `
			+ `the page worked ${middle(all.map(one => one.cpu)).toFixed(0)} ms of it`);
	}
});
