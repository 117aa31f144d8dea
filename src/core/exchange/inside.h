/* Internal to core/exchange. */
#ifndef SEALPOST_CORE_EXCHANGE_INSIDE_H
#define SEALPOST_CORE_EXCHANGE_INSIDE_H

#include "core/exchange/exchange.h"

/* One object on its way. */
struct exchange_work {
	struct arena *arena;
	const json_t *json;
	struct exchange_object *object;
	struct exchange_item *item; /* the property being looked at */
	bool is_partner;
	bool is_enabled;
	const char *comment;
	bool is_unsafe; /* what is proposed would protect less: not to be put in force */
	struct record_texts *questions;
	const struct model_config *config; /* with its domains, when connectors are looked at */
	struct model_inbound *in;
	struct model_outbound *out;
	struct model_domain *domain;
	bool is_default; /* the domain is the default one */
};

/* What to do with one property. TAKE sets the item's fate; NULL: FATE and NOTE where it is set. */
struct exchange_row {
	const char *property;
	void (*take)(struct exchange_work *w, const json_t *value);
	enum exchange_fate fate;
	const char *note;
};

/* ---- reading (read.c) ------------------------------------------------------------------------ */

struct exchange_read {
	const json_t *json;
	enum exchange_kind kind;
};
/* All objects of the sources; *ret_documents keeps them alive (decref). */
enum err exchange_read_all(const struct exchange_source *sources, size_t count, struct arena *arena,
	json_t **ret_documents, struct exchange_read **ret, size_t *ret_count,
	struct err_info *info);

/* ---- values (value.c) ------------------------------------------------------------------------ */

/* The property, whatever its letter case; NULL when absent. */
const json_t *exchange_get(const json_t *object, const char *property);
/* null, "", [], {}, false and "False": says nothing. */
bool exchange_is_unset(const json_t *value);
/* true and "True"; FALLBACK when absent or null. */
bool exchange_bool(const json_t *object, const char *property, bool fallback);
/* A text; NULL when absent or empty. */
const char *exchange_text(const json_t *object, const char *property, struct arena *arena);
/* A list of texts: an array, one text, several with commas; domains may be objects. */
struct record_texts exchange_texts(const json_t *value, struct arena *arena);
/* Short, for people. */
const char *exchange_show(const json_t *value, struct arena *arena);
/* "smtp:contoso.com;1" without type and cost; false: of another type than SMTP. */
bool exchange_address_space(struct str *text);
/* The name of a certificate: "mx.x", "*.x", or the common name in "<I>...<S>CN=mx.x,...".  NULL:
 * none can be found.  *ret_is_subject: it was the latter. */
const char *exchange_certificate_name(const char *text, struct arena *arena, bool *ret_is_subject);

/* One of NAMES (index is the value), or a NUMBER listed beside it.  -1: neither; *ret_is_number. */
int exchange_enum(
	const json_t *value, const char *const *names, const int *numbers, bool *ret_is_number);

/* ---- fates ----------------------------------------------------------------------------------- */

void exchange_fate(
	struct exchange_work *w, enum exchange_fate fate, const char *as, const char *note);
/* DECISION, and a question to go with the proposal. */
void exchange_ask(struct exchange_work *w, const char *question);
/* The same, and the connector is proposed disabled. */
void exchange_ask_disabled(struct exchange_work *w, const char *question);
void exchange_add_text(struct record_texts *list, const char *text, struct arena *arena);
/* The enum every connector begins with. */
void exchange_take_type(struct exchange_work *w, const json_t *value);
void exchange_take_name(struct exchange_work *w, const json_t *value);
void exchange_take_enabled(struct exchange_work *w, const json_t *value);
void exchange_take_comment(struct exchange_work *w, const json_t *value);
/* A certificate name put into *TO; the path is told as AS. */
void exchange_take_certificate(
	struct exchange_work *w, const json_t *value, const char **to, const char *as);

/* The rows of each kind, ended by a NULL property, and those that all objects share. */
extern const struct exchange_row exchange_inbound_rows[], exchange_outbound_rows[],
	exchange_domain_rows[], exchange_common_rows[];

#endif
