// A certificate from an authority: the request is made and downloaded; what is wrong with an answer is said at its field; the right one comes, and
// the next one is next. settings.part says which part of it; settings.answer: what the authority made of the request.
import fs from 'node:fs';
import { must, run, settings } from './browser.mjs';

const field = (page, name) => page.locator(`[name="${name}"]`);
const button = (page, name) => page.getByRole('button', { name, exact: true });
/** The innermost one of that heading. */
const section = (page, name) => page.locator('section', { has: page.getByRole('heading', { name, exact: true }) }).last();

async function enter(page) {
	const isFirst = settings.part === 'first';
	await page.goto(isFirst ? settings.link : settings.url);
	await field(page, 'user').fill('anna');
	await field(page, 'password').fill(settings.password);
	if (isFirst)
		await field(page, 'again').fill(settings.password);
	await page.locator('button[type=submit]').click();
	await page.locator('aside nav').waitFor();
	await page.locator('aside nav').getByRole('link', { name: 'Certificates', exact: true }).click();
	await page.getByRole('heading', { level: 1, name: 'Certificates', exact: true }).waitFor();
}

/** The request as it is shown, and as it is downloaded: the same. */
async function takeRequest(page, look) {
	const open = section(page, 'Request for shop');
	await open.waitFor();
	const shown = await open.locator('pre code').first().textContent();
	const [file] = await Promise.all([page.waitForEvent('download'), open.getByRole('button', { name: 'Download the request' }).click()]);
	must(file.suggestedFilename() === 'shop.csr', `the file is called ${file.suggestedFilename()}`);
	must(fs.readFileSync(await file.path(), 'utf8') === shown, 'what is shown is not what is downloaded');
	await look('certs-request');
	fs.writeFileSync(settings.request, shown);
}

async function first(page, look) {
	const ask = section(page, 'Request a certificate');
	await ask.locator('[name=names]').first().fill('not a name');
	await button(page, 'Request a certificate').click();
	await page.locator('.field-error', { hasText: 'The certificate needs a name.' }).waitFor();
	await ask.locator('[name=name]').first().fill('shop');
	await button(page, 'Request a certificate').click();
	await page.locator('.field-error', { hasText: 'found "not a name"' }).waitFor(); // the server's words
	await ask.locator('[name=names]').first().fill('shop.ours.example');
	await ask.locator('[name=organisation]').fill('Ours');
	await look('certs-ask');
	await button(page, 'Request a certificate').click();
	await takeRequest(page, look);
}

async function bring(page, look) {
	const open = section(page, 'Request for shop');
	await open.waitFor();
	const submit = open.getByRole('button', { name: 'Bring the signed certificate' });
	// A key does not leave the browser.
	const asked = [];
	page.on('request', request => request.url().includes('/chain') && asked.push(request.postData()));
	await field(page, 'chain').fill(settings.key);
	await submit.click();
	await page.locator('.field-error', { hasText: 'There is a private key in it.' }).waitFor();
	must(asked.length === 0, 'a private key was sent');
	// Another's certificate, and one whose root nobody knows: the reason stands at the field.
	await field(page, 'chain').fill(settings.foreign);
	await submit.click();
	await page.locator('.field-error', { hasText: 'does not belong' }).waitFor();
	await look('certs-refused');
	await open.locator('input[type=file]').setInputFiles(settings.answer);
	await page.waitForFunction(text => document.querySelector('[name=chain]').value === text, fs.readFileSync(settings.answer, 'utf8'));
	await submit.click();
	await page.locator('.field-error', { hasText: 'does not reach a root' }).waitFor();
	await open.locator('summary', { hasText: 'More' }).click();
	await field(page, 'trust').fill(settings.root);
	await submit.click();
	await page.locator('.note', { hasText: 'Version 1 of shop is here' }).waitFor();
	await page.locator('.note', { hasText: 'no listener, organisation or connector uses the certificate shop' }).waitFor();
	await section(page, 'shop').waitFor();
	must(await open.count() === 0, 'the request is still open');
	await look('certs-brought');
}

/** The next version: asked for where the rollover is, and dropped again; then one that signs itself. */
async function next(page, look) {
	await section(page, 'shop').getByRole('link', { name: /Rollover/ }).click();
	await page.getByRole('heading', { level: 1, name: /shop/ }).waitFor();
	await button(page, 'Request a certificate').click();
	const open = section(page, 'Request for shop');
	await open.waitFor();
	await look('certs-next');
	await open.getByRole('button', { name: 'Drop the request' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Drop the request' }).click();
	await button(page, 'Request a certificate').waitFor();
	await page.locator('aside nav').getByRole('link', { name: 'Certificates', exact: true }).click();
	await page.locator('summary', { hasText: 'Make a self-signed one for trials' }).click();
	const trial = page.locator('details', { hasText: 'Nobody who verifies will accept it' });
	await trial.locator('[name=name]').fill('shop');
	await trial.getByRole('button', { name: 'Make a self-signed one for trials' }).click();
	await page.locator('.note', { hasText: 'Version 2 of shop is here' }).waitFor();
	await section(page, 'shop').getByText('Next', { exact: false }).first().waitFor();
	await look('certs-trial');
}

const parts = { first, bring, next };

run(async ({ page, look }) => {
	await enter(page);
	await parts[settings.part](page, look);
});
