// "Connect my own server": the wizard from its first step to a connector in force, tried out, by which a message goes.
import { must, run, settings } from './browser.mjs';

const field = (page, name) => page.locator(`[name="${name}"]`);
const button = (page, name) => page.getByRole('button', { name, exact: true });

async function firstStart(page) {
	await page.goto(settings.link);
	await field(page, 'user').fill('anna');
	await field(page, 'password').fill(settings.password);
	await field(page, 'again').fill(settings.password);
	await page.locator('button[type=submit]').click();
	await page.locator('aside nav').waitFor();
}

/** Goes on to the step that is called HEADING. */
async function next(page, heading) {
	await button(page, 'Next').click();
	await page.getByRole('heading', { level: 2, name: heading }).waitFor();
}

/** What is missing is said at the field, before anything is asked of the server. */
async function isMissing(page, name) {
	await button(page, 'Next').click();
	await page.locator(`[data-path="${name}"] .field-error`).waitFor();
	must(await page.evaluate(() => document.activeElement.name) === name, `the focus is not at ${name}`);
}

async function wizard(page, look) {
	await page.getByRole('link', { name: 'Connectors', exact: true }).first().click();
	await page.getByRole('link', { name: 'Connect my own server' }).first().click();
	await page.getByRole('heading', { level: 1, name: 'Connect my own server' }).waitFor();
	await look('own-way');
	await next(page, /Name$/);
	await isMissing(page, 'name');
	await field(page, 'name').fill('office');
	must(await field(page, 'keepsHeaders').isChecked(), 'headers that both servers trust are kept unless somebody says no');
	await next(page, /Domains$/);
	await page.getByRole('radio', { name: /Mail for all my accepted domains/ }).check();
	await look('own-scope');
	await next(page, /How it is known$/);
	await isMissing(page, 'certificateName');
	await field(page, 'certificateName').fill('mail.contoso.example');
	await look('own-identify');
	await next(page, /Routing$/);
	must(await page.getByRole('radio').first().isDisabled(), 'by MX its own domains would lead back here');
	await isMissing(page, 'hosts');
	await field(page, 'hosts').fill(settings.office);
	await look('own-routing');
	await next(page, /Security, sending$/);
	await field(page, 'tlsDomain').fill('mail.contoso.example');
	await field(page, 'trust').fill('no certificate');
	await button(page, 'Next').click();
	await page.locator('[data-path="trust"] .field-error').waitFor(); // the server's words
	await field(page, 'trust').fill(settings.root);
	await look('own-sending');
	await next(page, /Review$/);
	await page.getByText('contoso/office is added').waitFor();
	await look('own-review');
	await button(page, 'Create').click();
	await page.getByText('office is there').waitFor();
}

/** In earnest: with a message that is sent. */
async function tryOut(page, look) {
	await field(page, 'to').fill('anna@contoso.example');
	await field(page, 'send').check();
	await button(page, 'Try it out').click();
	await page.getByText('It works').waitFor();
	const steps = await page.getByRole('list', { name: 'Steps' }).innerText();
	for (const word of ['Handshake', 'TLSv1.3', 'Certificate chain', 'Name on the certificate', 'Recipient accepted'])
		must(steps.includes(word), `${word} is not in ${steps}`);
	must(/Test message sent[\s\S]*(Passed on|Delivered)/.test(steps), steps);
	await look('own-done');
	await page.getByRole('link', { name: 'See the message that was sent' }).click();
	await page.locator('h3', { hasText: 'Delivered' }).first().waitFor();
	await look('own-message');
}

await run(async ({ page, look }) => {
	await firstStart(page);
	await wizard(page, look);
	await tryOut(page, look);
});
