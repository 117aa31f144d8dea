// Two administrators, each in front of his own server: from the link of the first start to a channel that is forced both
// ways, and the account of a message that went by it. settings.part says which part of it.
import { must, run, settings } from './browser.mjs';

const { contoso, fabrikam } = settings;
const field = (page, name) => page.locator(`[name="${name}"]`);
const button = (page, name) => page.getByRole('button', { name, exact: true });
/** A link of the navigation. */
const menu = (page, name) => page.locator('aside nav').getByRole('link', { name, exact: true });
const onScreen = (page, heading) => page.getByRole('heading', { level: 1, name: heading, exact: true }).waitFor();

async function firstStart(page, server) {
	await page.goto(server.link);
	await field(page, 'user').fill('anna');
	await field(page, 'password').fill(settings.password);
	await field(page, 'again').fill(settings.password);
	await page.locator('button[type=submit]').click();
	await page.locator('aside nav').waitFor();
}

async function logIn(page, server) {
	await page.goto(server.url);
	await field(page, 'user').fill('anna');
	await field(page, 'password').fill(settings.password);
	await page.locator('button[type=submit]').click();
	await page.locator('aside nav').waitFor();
}

/** Goes on to the step that is called HEADING. */
async function next(page, heading) {
	await button(page, 'Next').click();
	await page.getByRole('heading', { level: 2, name: heading }).waitFor();
}

async function wizard(page, look) {
	await menu(page, 'Connectors').click();
	await onScreen(page, 'Connectors');
	await page.getByRole('link', { name: 'Secure mail with a partner' }).first().click();
	await onScreen(page, 'Secure mail with a partner');
	await look('wizard-way');
	await next(page, /Name$/);
	// A mistake is told at its field, which gets the focus, and nothing is lost.
	await field(page, 'comment').fill('Fabrikam Bank');
	await button(page, 'Next').click();
	await page.getByText('A name is missing.').waitFor();
	must(await page.evaluate(() => document.activeElement.name) === 'name', 'the focus is not at the field that is missing');
	await field(page, 'name').fill('fabrikam');
	must(await field(page, 'comment').inputValue() === 'Fabrikam Bank', 'comment is lost');
	await look('wizard-name');
	await page.keyboard.press('Enter'); // by keyboard alone, too
	await page.getByRole('heading', { level: 2, name: /Domains$/ }).waitFor();
	await field(page, 'domains').fill('not a domain');
	await button(page, 'Next').click();
	await page.locator('.field-error', { hasText: 'found "not a domain"' }).waitFor(); // the server's words
	await field(page, 'domains').fill('fabrikam.example');
	await next(page, /Routing$/);
	await page.getByRole('radio', { name: /By these servers/ }).check();
	await field(page, 'hosts').fill(fabrikam.smtp);
	await next(page, /Security, sending$/);
	await field(page, 'tlsDomain').fill('mx.fabrikam.example');
	await field(page, 'trust').fill(fabrikam.root);
	await look('wizard-sending');
	await next(page, /Security, receiving$/);
	await field(page, 'certificateName').fill('mx.fabrikam.example');
	await page.goBack(); // the browser's own button is a step, too
	await page.getByRole('heading', { level: 2, name: /Security, sending$/ }).waitFor();
	await page.reload();
	await page.getByRole('heading', { level: 2, name: /Security, sending$/ }).waitFor();
	must(await field(page, 'tlsDomain').inputValue() === 'mx.fabrikam.example', 'tlsDomain is lost');
	await next(page, /Security, receiving$/);
	must(await field(page, 'certificateName').inputValue() === 'mx.fabrikam.example', 'certificateName is lost');
	await look('wizard-receiving');
	await next(page, /Start$/);
	must(await page.getByRole('radio', { name: /In report mode/ }).isChecked(), 'report mode is not offered');
	await page.getByRole('radio', { name: /Enforced at once/ }).check();
	await next(page, /Review$/);
	await page.getByText('contoso/fabrikam is added').waitFor(); // what the server says of it
	await look('wizard-review');
	await button(page, 'Create').click();
	await page.getByText('fabrikam is there').waitFor();
}

/** Tries the way to the other server, on a page that offers it. */
async function tryOut(page, look, name) {
	await button(page, 'Try it out').click();
	await page.getByText('It works').waitFor();
	const steps = await page.getByRole('list', { name: 'Steps' }).innerText();
	for (const word of ['Handshake', 'TLSv1.3', 'Certificate chain', 'Name on the certificate', 'Recipient accepted'])
		must(steps.includes(word), `${word} is not in ${steps}`);
	await look(name);
}

async function downloadKit(page) {
	const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'JSON').click()]);
	must(download.suggestedFilename() === 'sealpost-contoso.json', download.suggestedFilename());
	await download.saveAs(settings.kit);
}

async function importKit(page, look) {
	await menu(page, 'Connectors').click();
	await page.getByRole('link', { name: "Import a partner's kit" }).first().click();
	await field(page, 'kit').fill('{"cut');
	await button(page, 'Read it').click();
	await page.locator('.field-error', { hasText: 'This is no JSON' }).waitFor();
	await page.locator('input[type=file]').setInputFiles(settings.kit);
	await page.waitForFunction(() => document.querySelector('[name=kit]').value.includes('sealpost-partner-kit'));
	await button(page, 'Read it').click();
	await page.getByText('The root that the partner trusts').waitFor();
	await page.getByText('fabrikam/contoso is added').waitFor();
	const apply = button(page, 'Put it in force');
	must(await apply.isDisabled(), 'the fingerprint was not compared yet');
	await page.getByRole('checkbox', { name: 'I have compared the fingerprint' }).check();
	await page.getByText('Report only').first().waitFor();
	await page.getByRole('checkbox', { name: /In report mode/ }).uncheck();
	await page.getByText('Report only').first().waitFor({ state: 'detached' });
	await look('import');
	await apply.click();
	await onScreen(page, 'contoso');
}

async function rehearse(page, look) {
	await menu(page, 'Connectors').click();
	await page.getByRole('link', { name: 'fabrikam', exact: true }).click();
	await onScreen(page, 'fabrikam');
	await page.getByText('both ways', { exact: true }).waitFor();
	await look('connector');
	await page.getByRole('tab', { name: 'Try it out' }).click();
	await button(page, 'Rehearse').click();
	await page.getByText('Something failed').waitFor(); // without a certificate
	await field(page, 'cert_pem').fill(fabrikam.chain);
	await field(page, 'ip').fill('127.0.0.1');
	await button(page, 'Rehearse').click();
	await page.getByText('It works').waitFor();
	await look('connector-live');
	for (const [tab, text] of [['Readiness', /no inbound mail of this connector was seen/], ['Tests so far', /next hops would take mail/], ['Certificates presented', /mx\.fabrikam\.example/], ['Partner kit', /Forced TLS with contoso/]]) {
		await page.getByRole('tab', { name: tab }).click();
		await page.getByText(text).first().waitFor();
		await look(`connector-${tab.split(' ')[0].toLowerCase()}`);
	}
}

async function edit(page, look) {
	await page.getByRole('link', { name: 'Edit', exact: true }).click();
	await onScreen(page, 'Edit fabrikam');
	await field(page, 'inbound.addresses').fill('nowhere');
	await page.locator('[data-path="inbound.addresses"] .field-error').waitFor(); // live, before anything is sent
	await look('edit-wrong');
	await field(page, 'inbound.addresses').fill('');
	await page.getByText('Trust and TLS, both ways').click();
	await field(page, 'minimum_version').selectOption('1.3');
	await page.getByText('it can be saved').waitFor();
	await button(page, 'Review the changes').click();
	const changes = page.getByRole('dialog').locator('.changes');
	await changes.waitFor();
	must(/TLS version[\s\S]*1\.2[\s\S]*1\.3/.test(await changes.innerText()), await changes.innerText());
	await look('edit-review');
	await button(page, 'Save').click();
	await onScreen(page, 'fabrikam');
	await page.getByText('TLS 1.3 or newer').waitFor();
}

async function explain(page, look) {
	await menu(page, 'Explain').click();
	await button(page, 'Explain').click();
	await page.locator('.field-error').first().waitFor();
	await field(page, 'from').fill('eve@fabrikam.example');
	await field(page, 'to').fill('anna@contoso.example');
	await field(page, 'ip').fill('192.0.2.1');
	await button(page, 'Explain').click();
	await page.getByText('Refused', { exact: true }).waitFor();
	await page.getByText('no-client-certificate').waitFor();
	await field(page, 'cert_pem').fill(fabrikam.chain);
	await button(page, 'Explain').click();
	await page.getByText('Accepted', { exact: true }).waitFor();
	await look('explain');
	await page.locator('.tree').getByRole('link', { name: 'connector contoso/fabrikam' }).first().click();
	await onScreen(page, 'fabrikam');
}

async function rule(page, look) {
	await menu(page, 'Rules').click();
	await page.getByRole('link', { name: 'New rule' }).first().click();
	await field(page, 'name').fill('records');
	await page.getByText(/the rule asks for nothing/).first().waitFor(); // the server, while it is typed
	await field(page, 'recipients').fill('records.example');
	await field(page, 'require_tls').selectOption('chain');
	await button(page, 'Review the changes').click();
	await page.getByRole('dialog').getByText('contoso/records is added').waitFor();
	await button(page, 'Save').click();
	await page.getByRole('link', { name: 'records', exact: true }).waitFor();
	await look('rules');
}

/** The message in the list of messages, its journey, and its account on paper. */
async function find(page, look) {
	await menu(page, 'Messages').click();
	await onScreen(page, 'Messages');
	await page.locator(`a[href*="${settings.id}"]`).first().click();
	await page.getByText('mx.fabrikam.example').first().waitFor();
	await look('message');
	const [paper] = await Promise.all([page.waitForEvent('popup'), page.locator('a[href$="/evidence"]').click()]);
	await paper.waitForLoadState();
	const text = await paper.locator('body').innerText();
	for (const word of [settings.id, 'bob@fabrikam.example', 'mx.fabrikam.example', 'TLSv1.3'])
		must(text.includes(word), `${word} is not in the evidence: ${text}`);
	await paper.screenshot({ path: `${settings.pictures}/evidence.png`, fullPage: true });
}

const parts = {
	async wizard(page, look) {
		await firstStart(page, contoso);
		await button(page, 'Log out').click();
		await logIn(page, contoso);
		await wizard(page, look);
		await tryOut(page, look, 'wizard-done');
		await downloadKit(page);
	},
	async kit(page, look) {
		await firstStart(page, fabrikam);
		await importKit(page, look);
		await tryOut(page, look, 'connector-tried');
	},
	async connector(page, look) {
		await logIn(page, contoso);
		await rehearse(page, look);
		await edit(page, look);
		await explain(page, look);
		await rule(page, look);
	},
	async message(page, look) {
		await logIn(page, contoso);
		await find(page, look);
	},
};

await run(({ page, look }) => parts[settings.part](page, look));
