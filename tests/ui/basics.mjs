// The first user comes by the link, looks around, takes a certificate from one version to the next, goes, and comes back.
import crypto from 'node:crypto';
import { must, run, settings } from './browser.mjs';

const go = (page, place) => page.goto(`${settings.url}/#/${place}`);
const heading = (page, text) => page.waitForSelector(`h1:has-text("${text}")`);

/** The one-time code of a step (RFC 6238) for a key in base32. */
function codeOf(secret, step) {
	const bits = [...secret.replace(/=+$/, '')].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
	const key = Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)));
	const counter = Buffer.alloc(8);
	counter.writeBigUInt64BE(BigInt(step));
	const hash = crypto.createHmac('sha1', key).update(counter).digest();
	return String((hash.readUInt32BE(hash[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
const stepNow = () => Math.floor(Date.now() / 30_000);

/** Ask the API as the page does. */
const ask = (page, method, path, body) => page.evaluate(async ([method, path, body]) => {
	const { csrf } = await (await fetch('/v1/session')).json();
	const answer = await fetch(path, { method, headers: { 'Content-Type': 'application/json', 'X-Sealpost-CSRF': csrf }, body: JSON.stringify(body) });
	return { status: answer.status, value: await answer.json() };
}, [method, path, body]);

async function comeByLink(page, look) {
	await page.goto(settings.link);
	await heading(page, 'Choose a password');
	await look('setup');
	await page.fill('[name=user]', 'anna');
	await page.fill('[name=password]', settings.password);
	await page.fill('[name=again]', 'something else');
	await page.click('button[type=submit]');
	await page.waitForSelector('.field-error');
	must(await page.evaluate(() => document.activeElement.name) === 'again', 'the focus is not at the field that is wrong');
	await page.fill('[name=again]', settings.password);
	await page.click('button[type=submit]');
	await heading(page, 'Overview');
	await page.goto('about:blank');
	await page.goto(settings.link);
	await page.waitForSelector('.note.bad');
	must(await page.locator('[name=password]').count() === 0, 'a link that was used still asks for a password');
}

async function seeOverview(page, look) {
	await go(page, 'overview');
	await page.waitForSelector('th:has-text("fabrikam")');
	await page.waitForSelector('td:has-text("Never: test it")');
	await page.waitForSelector('li:has-text("edge")');
	await look('overview');
}

async function seeReports(page, look) {
	await page.click('nav a:has-text("Reports")');
	await heading(page, 'Reports');
	must(await page.evaluate(() => document.activeElement.tagName) === 'H1', 'the focus does not follow to the new screen');
	await look('reports');
	await page.focus('[role=tab][aria-selected=true]');
	for (const name of ['TLS versions', 'Outcomes', 'Without TLS', 'Volume', 'Expiring certificates']) {
		await page.keyboard.press('ArrowRight');
		await page.waitForSelector(`[role=tab][aria-selected=true]:has-text("${name}")`);
		await page.waitForFunction(() => !document.querySelector('.loading'));
		must(await page.locator('.note.bad').count() === 0, `${name}: ${await page.locator('.note.bad').allTextContents()}`);
	}
	await page.selectOption('[name=days]', '3650');
	await page.waitForSelector('th:has-text("days left")');
	const [file] = await Promise.all([page.waitForEvent('download'), page.click('button:has-text("CSV")')]);
	must(file.suggestedFilename() === 'sealpost-expiring.csv', 'the file has another name');
}

async function rollOver(page, look) {
	await go(page, 'certificates');
	await heading(page, 'Certificates');
	await look('certificates');
	await page.click('a:has-text("Rollover")');
	await heading(page, 'Rollover of edge');
	await look('rollover');
	await page.click('button:has-text("Make it current")');
	await page.waitForSelector('dialog[open]');
	await look('rollover-question');
	await page.fill('dialog input', '2020-01-01T10:00');
	await page.click('dialog footer button:last-child');
	await page.waitForSelector('dialog .field-error');
	await page.fill('dialog input', '');
	await page.click('dialog footer button:last-child');
	await page.waitForSelector('button:has-text("Go back to it")');
	await look('rollover-done');
}

async function check(page, look) {
	await go(page, 'certificates?tab=endpoints');
	await page.click('button:has-text("Start the check")');
	await page.waitForSelector('.note-title');
	await look('endpoints');
	await go(page, 'certificates?tab=roots');
	await page.waitForSelector('td:has-text("system")');
	await page.fill('textarea', 'No Such Root');
	await page.waitForSelector('tbody th:has-text("No Such Root")');
	await look('roots');
	await go(page, 'certificates?tab=sheet&format=markdown');
	await page.waitForSelector('pre:has-text("# Certificates of")');
	await look('sheet');
}

async function goAndComeBack(page, look) {
	const { secret } = (await ask(page, 'POST', '/v1/session/totp', {})).value;
	const used = stepNow();
	const set = await ask(page, 'PUT', '/v1/session/totp', { code: codeOf(secret, used) });
	must(set.status === 200, `one-time codes cannot be switched on: ${JSON.stringify(set)}`);
	for (const [language, title] of [['de', 'Zertifikate'], ['nl', 'Certificaten'], ['sv', 'Certifikat'], ['zh', '证书'], ['en', 'Certificates']]) {
		await page.selectOption('.side select', language);
		await heading(page, title);
		must((await page.getAttribute('html', 'lang')).startsWith(language), 'the language of the page is not told');
	}
	await page.click('button:has-text("Log out")');
	await heading(page, 'Log in');
	await look('login');
	await page.fill('[name=user]', 'anna');
	await page.fill('[name=password]', 'not this one');
	await page.click('button[type=submit]');
	await page.waitForSelector('.note.bad');
	await page.fill('[name=password]', settings.password);
	await page.click('button[type=submit]');
	await page.waitForFunction(() => document.activeElement.name === 'totp');
	await look('login-code');
	await page.fill('[name=totp]', codeOf(secret, Math.max(stepNow(), used + 1)));
	await page.click('button[type=submit]');
	await heading(page, 'Certificates');
}

await run(async ({ page, look }) => {
	await comeByLink(page, look);
	await seeOverview(page, look);
	await seeReports(page, look);
	await rollOver(page, look);
	await check(page, look);
	await goAndComeBack(page, look);
});
