// What the tests of the admin center share: a browser, pictures, and what every screen must hold.
//
//	node tests/ui/SCRIPT.mjs '{"url": "https://...", "pictures": "directory", ...}'
//
// Each script says `run(async ({ page, settings, look }) => ...)` and ends with 0, or tells what is wrong.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(new URL('../../ui/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
export const settings = JSON.parse(process.argv[2] ?? '{}');
const WAIT = 60_000; // only says that something hangs

export function must(isTrue, what) {
	if (!isTrue)
		throw new Error(what);
}

/** No violation of WCAG 2.1 A and AA that axe finds. The policy (CSP) of the page does not let scripts in: the debugger does. */
async function checkAxe(page, name) {
	const session = await page.context().newCDPSession(page);
	await session.send('Runtime.evaluate', { expression: axe });
	const { result } = await session.send('Runtime.evaluate', {
		awaitPromise: true, returnByValue: true,
		expression: `axe.run().then(found => found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html).join(' ')))`,
	});
	await session.detach();
	must(result.value?.length === 0, `${name}: axe finds ${JSON.stringify(result.value)}`);
}

/** Nothing sticks out to the right: 320 px must do. */
async function checkWidth(page, name) {
	const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
	must(beyond <= 0, `${name}: ${beyond} px wider than the window of ${page.viewportSize().width}`);
}

/** A picture and the checks of what is shown now: wide and light, then narrow and dark. */
async function look(page, name) {
	const views = [['light', 1280], ['dark', 320]];
	for (const [colorScheme, width] of views) {
		await page.emulateMedia({ colorScheme });
		await page.setViewportSize({ width, height: 900 });
		await page.waitForFunction(() => !document.querySelector('.loading'));
		if (settings.pictures) {
			fs.mkdirSync(settings.pictures, { recursive: true });
			await page.screenshot({ path: path.join(settings.pictures, `${name}-${colorScheme}.png`), fullPage: true });
		}
		await checkAxe(page, `${name}, ${colorScheme}`);
		await checkWidth(page, `${name}, ${colorScheme}`);
	}
	await page.emulateMedia({ colorScheme: 'light' });
	await page.setViewportSize({ width: 1280, height: 900 });
}

export async function run(script) {
	const browser = await chromium.launch({
		executablePath: '/usr/bin/chromium',
		args: [...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--host-resolver-rules=MAP *.example 127.0.0.1', '--disable-dev-shm-usage'],
	});
	const problems = [];
	let page;
	try {
		// The certificate is of the test's own authority, which the browser does not know.
		const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', viewport: { width: 1280, height: 900 } });
		context.setDefaultTimeout(WAIT);
		page = await context.newPage();
		page.on('pageerror', error => problems.push(`error in the page: ${error.message}`));
		page.on('console', message => {
			// An answer other than 2xx is told by the page; the browser says it once more.
			if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
				problems.push(`the console says: ${message.text()}`);
		});
		await script({ browser, context, page, settings, look: name => look(page, name) });
		must(problems.length === 0, problems.join('\n'));
		console.log('fine');
	} catch (error) {
		console.error(error.stack ?? String(error), '\n', problems.join('\n'));
		if (page) {
			console.error(`at ${page.url()}:\n${await page.evaluate(() => document.body.innerText).catch(() => '')}`);
			if (settings.pictures)
				await page.screenshot({ path: path.join(settings.pictures, 'failed.png') }).catch(() => undefined);
		}
		process.exitCode = 1;
	} finally {
		await browser.close();
	}
}
