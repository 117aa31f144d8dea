/* What all kinds of object share. */
#include "core/exchange/inside.h"

const char *const exchange_kind_names[] = {
	"inbound connector", "outbound connector", "accepted domain", NULL};
const char *const exchange_fate_names[] = {
	"taken", "merged", "not needed", "not supported", "needs a decision", NULL};

enum { MAX_COMMENT = 1000 };

void exchange_fate(
	struct exchange_work *w, enum exchange_fate fate, const char *as, const char *note)
{
	w->item->fate = fate;
	w->item->as = as;
	w->item->note = note;
}

void exchange_ask(struct exchange_work *w, const char *question)
{
	exchange_fate(w, EXCHANGE_DECISION, w->item->as, question);
	exchange_add_text(w->questions,
		arena_format(w->arena, "%s \"%s\", %s: %s", exchange_kind_names[w->object->kind],
			w->object->name, w->item->property, question),
		w->arena);
}

void exchange_ask_disabled(struct exchange_work *w, const char *question)
{
	w->is_unsafe = true;
	exchange_ask(w,
		arena_format(w->arena, "%s (proposed disabled until that is decided)", question));
}

/* The numbers are those that ConvertTo-Json prints for the type's values. */
void exchange_take_type(struct exchange_work *w, const json_t *value)
{
	static const char *const names[] = {"Partner", "OnPremises", NULL};
	static const int numbers[] = {2, 1};
	bool is_number;
	int type = exchange_enum(value, names, numbers, &is_number);

	if (type < 0) {
		exchange_ask_disabled(w, "expected Partner or OnPremises; taken as Partner");
		return;
	}
	exchange_fate(w, EXCHANGE_TAKEN, type == 0 ? "type: partner" : "type: on-premises",
		is_number ? "the number is read as 1: OnPremises, 2: Partner" : NULL);
}

void exchange_take_name(struct exchange_work *w, const json_t *value)
{
	(void)value;
	exchange_fate(w, EXCHANGE_MERGED, "name", "without blanks and the words of direction");
}

void exchange_take_enabled(struct exchange_work *w, const json_t *value)
{
	(void)value;
	w->is_enabled = exchange_bool(w->json, "Enabled", true);
	exchange_fate(w, EXCHANGE_TAKEN, w->is_enabled ? "enabled: true" : "enabled: false", NULL);
}

void exchange_take_comment(struct exchange_work *w, const json_t *value)
{
	const char *text = exchange_text(w->json, "Comment", w->arena);

	(void)value;
	if (text != NULL && strlen(text) <= MAX_COMMENT) {
		w->comment = text;
		exchange_fate(w, EXCHANGE_MERGED, "comment", NULL);
	} else if (text != NULL) {
		exchange_fate(w, EXCHANGE_UNSUPPORTED, NULL, "longer than 1000 bytes");
	}
}

void exchange_take_certificate(
	struct exchange_work *w, const json_t *value, const char **to, const char *as)
{
	const char *text = json_string_value(value);
	bool is_subject = false;
	const char *note = NULL;

	*to = text != NULL ? exchange_certificate_name(text, w->arena, &is_subject) : NULL;
	if (*to == NULL) {
		exchange_ask_disabled(w,
			"no DNS name can be made of it: which name does their certificate carry?");
		return;
	}
	if (is_subject)
		note = "the common name of the subject: issuer and subject as a whole are not "
		       "compared here; use trust to name the authority";
	else if ((*to)[0] == '*')
		note = "here the asterisk stands for one label: neither for none nor for two";
	exchange_fate(w, EXCHANGE_TAKEN, arena_format(w->arena, "%s: %s", as, *to), note);
}

const struct exchange_row exchange_common_rows[] = {
	{"Identity", NULL, EXCHANGE_NOT_NEEDED, "the name in another form"},
	{"Id", NULL, EXCHANGE_NOT_NEEDED, "the name in another form"},
	{"DistinguishedName", NULL, EXCHANGE_NOT_NEEDED, "the name in another form"},
	{"Guid", NULL, EXCHANGE_NOT_NEEDED, "names the object inside Exchange"},
	{"ExchangeObjectId", NULL, EXCHANGE_NOT_NEEDED, "names the object inside Exchange"},
	{"ImmutableId", NULL, EXCHANGE_NOT_NEEDED, "names the object inside Exchange"},
	{"ObjectCategory", NULL, EXCHANGE_NOT_NEEDED, "of the directory"},
	{"ObjectClass", NULL, EXCHANGE_NOT_NEEDED, "of the directory"},
	{"ObjectState", NULL, EXCHANGE_NOT_NEEDED, "of the directory"},
	{"OrganizationId", NULL, EXCHANGE_NOT_NEEDED, "of the directory"},
	{"OrganizationalUnitRoot", NULL, EXCHANGE_NOT_NEEDED, "of the directory"},
	{"OriginatingServer", NULL, EXCHANGE_NOT_NEEDED, "of the directory"},
	{"ExchangeVersion", NULL, EXCHANGE_NOT_NEEDED, "of the directory"},
	{"AdminDisplayName", NULL, EXCHANGE_NOT_NEEDED, "of the directory"},
	{"IsValid", NULL, EXCHANGE_NOT_NEEDED, "of the directory"},
	{"WhenChanged", NULL, EXCHANGE_NOT_NEEDED, "history"},
	{"WhenCreated", NULL, EXCHANGE_NOT_NEEDED, "history"},
	{"WhenChangedUTC", NULL, EXCHANGE_NOT_NEEDED, "history"},
	{"WhenCreatedUTC", NULL, EXCHANGE_NOT_NEEDED, "history"},
	{"RunspaceId", NULL, EXCHANGE_NOT_NEEDED, "of the shell"},
	{"PSComputerName", NULL, EXCHANGE_NOT_NEEDED, "of the shell"},
	{"PSShowComputerName", NULL, EXCHANGE_NOT_NEEDED, "of the shell"},
	{"PSSourceJobInstanceId", NULL, EXCHANGE_NOT_NEEDED, "of the shell"},
	{"ConnectorSource", NULL, EXCHANGE_NOT_NEEDED, "who made it in Exchange"},
	{NULL, NULL, 0, NULL},
};
