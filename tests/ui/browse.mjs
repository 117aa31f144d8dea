// A browser for tests of the admin center: chromium by playwright-core, checks of every page that is shown, pictures.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../ui/package.json', import.meta.url));
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const PATIENCE = 60_000; // only says that something hangs

/** HOSTS: names that are on loopback here. PICTURES: a directory. */
export async function start(hosts, pictures) {
	fs.mkdirSync(pictures, { recursive: true });
	const browser = await chromium.launch({
		executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
		args: [...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage',
			`--host-resolver-rules=${hosts.map(host => `MAP ${host} 127.0.0.1`).join(',')}`],
	});
	return {
		/** A user's browser: cookies of its own. What the page says of errors ends the test. */
		async user(options = {}) {
			const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB', viewport: { width: 1280, height: 900 }, acceptDownloads: true, ...options });
			const page = await context.newPage();
			const problems = [];
			page.setDefaultTimeout(PATIENCE);
			page.on('pageerror', error => problems.push(`error of the page: ${error.stack ?? error.message}`));
			// That a request was refused is what many tests are about; a policy that was broken is not.
			page.on('console', message => {
				if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
					problems.push(`console: ${message.text()}`);
			});
			return { page, problems, pictures };
		},
		end: () => browser.close(),
	};
}

/** Nothing wrong so far: no error of the page, no rule of accessibility broken, nothing wider than the window. */
export async function check(user, name) {
	const { page, problems, pictures } = user;
	await page.evaluate(() => document.fonts.ready);
	await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });
	assert.deepEqual(problems, [], name);
	const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
	assert.ok(beyond <= 0, `${name} is ${beyond} pixels wider than the window`);
	// The policy of the page forbids scripts of others; the debugger's do not stand under it.
	const debugged = await page.context().newCDPSession(page);
	await debugged.send('Runtime.evaluate', { expression: axe });
	const { result, exceptionDetails } = await debugged.send('Runtime.evaluate', {
		expression: `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })
			.then(found => JSON.stringify(found.violations.map(one => [one.id, ...one.nodes.slice(0, 3).map(node => node.html.slice(0, 200))])))`,
		awaitPromise: true,
	});
	await debugged.detach();
	assert.equal(exceptionDetails, undefined);
	assert.equal(result.value, '[]', `${name}: rules of accessibility`);
}

/** The same page dark and on a telephone. */
export async function checkLooks(user, name) {
	const { page } = user;
	await check(user, name);
	await page.emulateMedia({ colorScheme: 'dark' });
	await page.setViewportSize({ width: 360, height: 780 });
	await check(user, `${name}-dark-360`);
	await page.emulateMedia({ colorScheme: 'light' });
	await page.setViewportSize({ width: 1280, height: 900 });
}

/** Wait until the first heading of the screen says it. */
export async function onScreen(page, heading) {
	await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

export const field = (page, name) => page.locator(`[name="${name}"]`);
export const button = (page, name) => page.getByRole('button', { name, exact: true });
/** A link of the navigation. */
export const menu = (page, name) => page.locator('aside nav').getByRole('link', { name, exact: true });
