/* What a partner's kit would become: the same proposal as that of `sealpost partner import`. */
#include "core/partner/kit.h"
#include "port/tls/tls.h"
#include "process/admin/call.h"

#include <stdlib.h>
#include <string.h>

struct importing {
	struct admin_call *call;
	struct partner_kit kit;
	struct partner_import how;
	struct partner_proposal proposal;
	json_t *roots;
};

/* False: answered. */
static bool read_kit(struct importing *im)
{
	struct admin_call *call = im->call;
	const json_t *kit = json_object_get(call->body, "kit");
	struct err_info info = {0};
	char *text;
	enum err e;

	if (!json_is_object(kit)) {
		admin_problem(call, 422, "kit: expected the partner kit of a partner, as JSON");
		return false;
	}
	text = json_dumps(kit, JSON_COMPACT);
	e = text == NULL || strlen(text) > PARTNER_KIT_MAX
		    ? err_set(&info, ERR_TOO_LONG, "expected at most %d bytes", PARTNER_KIT_MAX)
		    : partner_kit_parse(str_of(text), call->arena, &im->kit, &info);
	free(text);
	if (e != ERR_OK)
		admin_problem(call, 422, "kit: %s", info.text);
	return e == ERR_OK;
}

/* "organisation" of the body, or the only one that there is for who asks.  False: answered. */
static bool find_organisation(struct importing *im)
{
	struct admin_call *call = im->call;
	const struct model_config *config = policy_snapshot_config(call->admin->snapshot);
	const char *wanted = json_string_value(json_object_get(call->body, "organisation"));
	size_t count = 0;

	im->how.name = json_string_value(json_object_get(call->body, "name"));
	for (size_t i = 0; i < config->organisations.count; i++) {
		const char *name = config->organisations.items[i].name;

		if (!admin_manages(call, name) || (wanted != NULL && strcmp(wanted, name) != 0))
			continue;
		im->how.organisation = name;
		count++;
	}
	if (count == 1)
		return true;
	if (wanted != NULL)
		admin_problem(call, 422, "organisation: there is no organisation %s", wanted);
	else
		admin_problem(call, 422, "organisation: is missing: there are %zu", count);
	return false;
}

/* A fingerprint is what two people compare: the one in the kit is not taken on trust.  False:
 * answered. */
static bool check_roots(struct importing *im)
{
	struct admin_call *call = im->call;

	im->how.has_public_roots = im->kit.roots.count > 0;
	for (size_t i = 0; i < im->kit.roots.count; i++) {
		const struct partner_root *root = &im->kit.roots.items[i];
		bool is_public = tls_is_among(str_of(root->pem), call->admin->roots);
		struct err_info info = {0};
		struct cert_facts *facts;
		size_t count = 0;

		if (tls_facts_of_pem(str_of(root->pem), call->arena, &facts, &count, &info) !=
				ERR_OK ||
			count == 0) {
			admin_problem(call, 422, "kit.roots[%zu].pem: %s", i, info.text);
			return false;
		}
		if (root->sha256 != NULL && strcmp(root->sha256, facts[0].sha256) != 0) {
			admin_problem(call, 422,
				"kit.roots[%zu].sha256: the fingerprint is not that of the "
				"certificate beside it",
				i);
			return false;
		}
		im->how.has_public_roots = im->how.has_public_roots && is_public;
		json_array_append_new(
			im->roots, json_pack("{s:s,s:s,s:b}", "subject", facts[0].subject, "sha256",
					   facts[0].sha256, "is_public", is_public));
	}
	return true;
}

static void reply(struct importing *im)
{
	const struct model_connector *c = &im->proposal.connector;
	bool is_there =
		policy_connector(im->call->admin->snapshot, c->organisation, c->name) != NULL;
	json_t *choices = json_array(), *notes = json_array();
	json_t *object = is_there ? partner_decided_json(c)
				  : record_to_json(&model_connector_desc, c, RECORD_JSON_SPARSE);

	for (size_t i = 0; i < im->proposal.choice_count; i++)
		json_array_append_new(choices,
			json_pack("{s:s,s:s}", "property", im->proposal.choices[i].property, "why",
				im->proposal.choices[i].why));
	for (size_t i = 0; i < im->kit.notes.count; i++)
		json_array_append_new(notes, json_string(im->kit.notes.items[i]));
	admin_reply(im->call, 200,
		json_pack("{s:s,s:s,s:{s:s,s:s,s:o,s:o},s:O,s:o,s:o}", "organisation",
			c->organisation, "name", c->name, "change", "kind", "connector", "op",
			is_there ? "patch" : "add", "key",
			json_sprintf("%s/%s", c->organisation, c->name), "object", object, "roots",
			im->roots, "choices", choices, "notes", notes),
		NULL);
}

static void import(struct admin_call *call)
{
	struct importing im = {.call = call, .roots = json_array()};
	struct err_info info = {0};

	if (read_kit(&im) && find_organisation(&im) && check_roots(&im)) {
		if (partner_propose(&im.kit, &im.how, call->arena, &im.proposal, &info) != ERR_OK)
			admin_problem(
				call, 422, "no connector can be made of the kit: %s", info.text);
		else
			reply(&im);
	}
	json_decref(im.roots);
}

void admin_import_partner_kit(struct admin_call *call)
{
	if (admin_needs_object(call))
		admin_with_snapshot(call, import);
}
