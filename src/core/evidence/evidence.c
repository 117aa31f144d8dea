#include "core/evidence/evidence.h"

#include "base/moment.h"
#include "core/model/model.h"

#include <string.h>

struct writer {
	struct page page;
	struct arena *arena;
	const struct evidence *evidence;
};

static void row(struct writer *w, const char *label, const char *text)
{
	page_put(&w->page, PAGE_ROW, label, text);
}

/* "2026-11-22 08:15:02.123 UTC". */
static const char *moment(struct writer *w, int64_t at_ms)
{
	char text[MOMENT_TEXT_SIZE];

	moment_format_rfc3339(at_ms, text);
	return arena_format(w->arena, "%.10s %.8s.%03d UTC", text, text + 11, (int)(at_ms % 1000));
}

static const char *with(
	struct writer *w, const char *text, const char *before, const char *more, const char *after)
{
	if (more == NULL || more[0] == '\0')
		return text;
	return arena_format(w->arena, "%s%s%s%s", text, before, more, after);
}

/* "AB:CD:..." as other programs show it. */
static const char *colons(struct writer *w, const char *hex)
{
	size_t n = hex != NULL ? strlen(hex) : 0, at = 0;
	char *text = arena_alloc(w->arena, n * 2 + 1);

	for (size_t i = 0; i < n; i++) {
		if (i > 0 && i % 2 == 0)
			text[at++] = ':';
		text[at++] = hex[i] >= 'a' && hex[i] <= 'f' ? (char)(hex[i] - 'a' + 'A') : hex[i];
	}
	return text;
}

/* ---- one hop ----------------------------------------------------------------------------------
 */

static const char *required_words(int level)
{
	switch (level) {
	case MODEL_LEVEL_ENCRYPT:
		return "TLS, whatever the certificate";
	case MODEL_LEVEL_CHAIN:
		return "TLS with a trusted certificate";
	case MODEL_LEVEL_NAME:
		return "TLS with a trusted certificate that carries the name";
	default:
		return "nothing: TLS where the other side can";
	}
}

static const char *got_words(int level)
{
	switch (level) {
	case MODEL_LEVEL_ENCRYPT:
		return "encrypted; who the other side is was not proven";
	case MODEL_LEVEL_CHAIN:
		return "encrypted, with a trusted certificate";
	case MODEL_LEVEL_NAME:
		return "encrypted, with a trusted certificate that carries the name";
	default:
		return "none: clear text";
	}
}

static void put_connection(struct writer *w, const struct receipt *r)
{
	const char *peer = r->host != NULL ? r->host : "";

	if (r->peer_address != NULL)
		peer = arena_format(w->arena, "%s%s%s, port %lld%s", peer,
			peer[0] != '\0' ? " (" : "", r->peer_address, (long long)r->peer_port,
			peer[0] != '\0' ? ")" : "");
	row(w, "Connection made", moment(w, r->at_ms));
	row(w, r->direction == RECEIPT_OUT ? "Next hop" : "Client", peer);
	row(w, "Listener", r->listener);
	if (r->attempt == RECEIPT_ATTEMPT_NONE) {
		row(w, "Protection", "no connection came about");
		return;
	}
	row(w, "Protection", r->version != NULL ? got_words(r->got) : got_words(MODEL_LEVEL_NONE));
	row(w, "TLS version", r->version != NULL ? r->version : "none");
	row(w, "Cipher suite", r->cipher);
	row(w, "Key exchange", r->group);
	if (r->resumed)
		row(w, "Session", "resumed from an earlier one");
	row(w, "Server name", r->server_name);
	row(w, "Name matched", r->name_matched);
}

static void put_chain(struct writer *w, const struct receipt *r)
{
	const char *verdict;

	if (r->version == NULL)
		return;
	verdict = r->verdict >= 0 && r->verdict < CERT_VERDICT_MAX ? cert_verdict_names[r->verdict]
								   : "unknown";
	verdict = with(w, verdict, ", against the anchors of ", r->anchors, "");
	row(w, "Certificate verdict", with(w, verdict, " (", r->verdict_detail, ")"));
	row(w, "Revocation", r->revocation);
	if (r->chain.count == 0)
		row(w, "Certificate of the other side", "none was presented");
	for (size_t i = 0; i < r->chain.count; i++) {
		const struct cert_facts *f = &r->chain.items[i];
		const char *label = i == 0 ? "Certificate of the other side" : "Issued by";

		row(w, label,
			f->subject != NULL && f->subject[0] != '\0' ? f->subject : "no subject");
		if (i == 0)
			row(w, "Its names", page_join(&w->page, &f->names));
		row(w, "Valid",
			arena_format(w->arena, "%s to %s", page_day(&w->page, f->not_before_ms),
				page_day(&w->page, f->not_after_ms)));
		row(w, "SHA-256", colons(w, f->sha256));
	}
	row(w, "Our certificate",
		with(w, r->own_certificate != NULL ? r->own_certificate : "", ", version ",
			r->own_version, ""));
	row(w, "Our SHA-256", colons(w, r->own_sha256));
}

static void put_receipt(struct writer *w, const struct wire_event *e, const struct receipt *r)
{
	if (r->attempt == RECEIPT_ATTEMPT_LOCAL) {
		row(w, "Connection", "local: it did not leave this machine");
		return;
	}
	row(w, "Required", with(w, required_words(r->required), ": ", r->name_expected, ""));
	for (size_t i = 0; i < r->required_by.count; i++)
		row(w, "Required by", r->required_by.items[i]);
	put_connection(w, r);
	put_chain(w, r);
	if (r->reason != NULL && (e->text == NULL || strcmp(r->reason, e->text) != 0))
		row(w, "Reason", r->reason);
	if (r->reply != NULL && (e->text == NULL || strcmp(r->reply, e->text) != 0))
		row(w, "Reply", r->reply);
	if (r->generation > 0)
		row(w, "Configuration",
			arena_format(w->arena, "generation %lld", (long long)r->generation));
}

static const char *title_of(const struct wire_event *e)
{
	static const char *const rows[][2] = {
		{"received", "Received"},
		{"refused", "Refused"},
		{"handed-over", "Handed over to the recipient's organisation"},
		{"delivered", "Delivered"},
		{"relayed", "Passed on, without delivery reports"},
		{"deferred", "Put off"},
		{"delayed", "Sender told of the delay"},
		{"failed", "Failed"},
		{"expired", "Given up: its time was over"},
		{"held", "Held"},
		{"released", "Released"},
		{"returned", "Returned by an administrator"},
		{"deleted", "Deleted by an administrator"},
		{"would-refuse", "Let pass, but would be refused if enforced"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (e->kind != NULL && strcmp(rows[i][0], e->kind) == 0)
			return rows[i][1];
	return e->kind != NULL ? e->kind : "Event";
}

static void put_event(struct writer *w, size_t number, const struct wire_event *e)
{
	const char *outcome = e->token != NULL ? e->token : "";

	page_put(&w->page, PAGE_HEADING, NULL,
		arena_format(w->arena, "%zu. %s, %s", number, title_of(e), moment(w, e->at_ms)));
	row(w, "Recipient", e->recipient);
	row(w, "Organisation", e->organisation);
	row(w, "Connector", e->connector);
	row(w, "Outcome", with(w, outcome, ", ", e->enhanced, ""));
	row(w, "Said", e->text);
	if (e->would_token != NULL && e->kind != NULL && strcmp(e->kind, "would-refuse") == 0)
		row(w, "By", e->would_by);
	else if (e->receipt != NULL)
		put_receipt(w, e, e->receipt);
}

/* ---- the page ---------------------------------------------------------------------------------
 */

static void put_message(struct writer *w)
{
	const struct evidence *v = w->evidence;
	const char *by = v->made_by != NULL ? v->made_by : "";
	char id[WIRE_ID_TEXT];

	wire_id_format(v->id, id);
	page_put(&w->page, PAGE_TITLE, NULL, arena_format(w->arena, "Message %s", id));
	page_put(&w->page, PAGE_PARAGRAPH, NULL,
		arena_format(w->arena,
			"What %s knows of this message's way: what was required of each hop, what "
			"the "
			"connection had, what came of it. Made %s%s%s by Sealpost %s. All times "
			"are "
			"UTC.",
			v->server, moment(w, v->made_ms), by[0] != '\0' ? " for " : "", by,
			v->version));
	if (v->is_limited)
		page_put(&w->page, PAGE_PARAGRAPH, NULL,
			"What concerns other organisations is left out.");
	row(w, "Id", arena_text(w->arena, id)); /* the page is written later */
	row(w, "Sender", v->sender != NULL && v->sender[0] != '\0' ? v->sender : "<> (a report)");
	row(w, "Recipients", page_join(&w->page, &v->recipients));
	row(w, "Message-ID", v->message_id);
	row(w, "Subject", v->subject);
	if (v->size > 0)
		row(w, "Size", arena_format(w->arena, "%lld bytes", (long long)v->size));
	row(w, "First seen", moment(w, v->at_ms));
}

enum err evidence_format(const struct evidence *evidence, enum page_format format, struct buf *out)
{
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct writer w = {.arena = arena, .page = {.arena = arena}, .evidence = evidence};

	put_message(&w);
	for (size_t i = 0; i < evidence->count; i++)
		put_event(&w, i + 1, &evidence->events[i]);
	return page_format(&w.page, format, out);
}
