/*
 * Sender and recipient, as strangers write them, against a small configuration with everything in
 * it: there is always an answer with its words, and no name leads out of its directory.
 *
 * The input is two lines: the sender and the recipient.
 */
#include "core/policy/policy.h"

#include <stdlib.h>

static const char configuration[] =
	"organisations: [{name: a}, {name: b, minimum_tls: encrypt}]\n"
	"domains:\n"
	"- {name: a.example, organisation: a, subdomains: true, type: internal-relay,\n"
	"   directory: true, delivery: 'maildir:/mail/{domain}/{local}'}\n"
	"- {name: m.example, organisation: a, delivery: 'maildir:/mail/{domain}/{local}'}\n"
	"- {name: b.example, organisation: b, delivery: 'smtp:in.example'}\n"
	"recipients: [{address: r@a.example}, {address: o@a.example, place: on-premises}]\n"
	"connectors:\n"
	"- {name: hq, organisation: a, type: on-premises, inbound: {addresses: [192.0.2.1]},\n"
	"   outbound: {all_accepted_domains: true, route_all_via_on_premises: true,\n"
	"     smart_hosts: [hub.example], tls: name}}\n"
	"- {name: far, organisation: a, outbound: {recipient_domains: ['*.far.example']}}\n"
	"rules:\n"
	"- {name: r, organisation: a, senders: ['u@a.example', '<>'], require_tls: chain}\n"
	"- {name: s, organisation: a, recipients: ['x@far.example', '*.b.example'],\n"
	"   action: refuse}\n";

static struct policy_snapshot *snapshot;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_up(void)
{
	struct arena *arena = arena_new();
	struct err_info info = {.text = ""};
	struct model_config config;
	json_t *json = NULL;

	if (model_parse_yaml(str_of(configuration), &json, &info) != ERR_OK ||
		record_from_json(&model_config_desc, json, "", arena, &config, &info) != ERR_OK ||
		model_check(&config, &info) != ERR_OK)
		abort();
	snapshot = policy_snapshot_new(&config, 1);
	json_decref(json);
	arena_free(&arena);
}

/* "/mail/DOMAIN/LOCAL": three parts, none of which is "." or "..". */
static void check_path(const char *path)
{
	struct str rest = str_of(path);
	size_t parts = 0;

	if (path[0] != '/')
		abort();
	str_cut(&rest, '/');
	while (rest.n > 0) {
		struct str part = str_cut(&rest, '/');

		if (part.n == 0 || part.p[0] == '.')
			abort();
		parts++;
	}
	if (parts != 3)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str recipient = str_make(data, size);
	struct arena *arena = arena_new();
	struct policy_mail mail = {.connector = "hq"};

	if (snapshot == NULL)
		set_up();
	mail.sender = arena_text_of(arena, str_cut(&recipient, '\n'));
	for (size_t i = 0; i < 3; i++) {
		static const char *const organisations[] = {NULL, "a", "b"};
		struct policy_outbound answer;

		mail.organisation = organisations[i];
		policy_outbound(snapshot, &mail, recipient, arena, &answer);
		if (answer.key == NULL || answer.text == NULL || answer.considered.count == 0 ||
			(answer.type == POLICY_ROUTE_REFUSE) != (answer.outcome != POLICY_OK))
			abort();
		if (answer.type == POLICY_ROUTE_MAILDIR)
			check_path(answer.path);
	}
	arena_free(&arena);
	return 0;
}
