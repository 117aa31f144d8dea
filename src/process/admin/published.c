/* What everybody may fetch: the table of paths. */
#include "port/log/log.h"
#include "process/admin/call.h"
#include "process/admin/challenge.h"
#include "process/admin/publish.h"
#include "process/admin/sheet.h"

#include <stdlib.h>

enum {
	SHEET_JSON = PAGE_FORMAT_MAX,
	SHEET_KEPT_MS = 60 * 1000, /* a page is made anew after this: its dates move on */
	SHEET_MAX_AGE_S = 300,
};

/* RFC 8555 8.3: the key authorization as it is, nothing behind it. */
static struct admin_page *challenge_page(struct admin *admin, struct str token, int argument)
{
	const char *answer = admin_challenge_find(admin->challenges, token);
	struct admin_page *page;

	(void)argument;
	if (answer == NULL)
		return NULL;
	page = admin_page_new("application/octet-stream", 0);
	buf_put_text(&page->body, answer);
	return page;
}

static enum err write_sheet(const struct cert_sheet *sheet, int form, struct buf *out)
{
	json_t *json;
	char *text;

	if (form != SHEET_JSON)
		return cert_sheet_format(sheet, (enum page_format)form, out);
	json = cert_sheet_json(sheet);
	text = json_dumps(json, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	buf_format(out, "%s\n", text);
	free(text);
	json_decref(json);
	return out->failed ? ERR_TOO_LONG : ERR_OK;
}

/* Made once and kept for a while: whoever asks often costs nothing. */
static struct admin_page *sheet_page(struct admin *admin, struct str rest, int form)
{
	const struct admin_sheet_wish wish = {.names = &admin->node.publish.certificates};
	int64_t now = runtime_ticks_ms();
	struct arena *arena CLEANUP(arena_free) = arena_new();
	struct admin_page *page;

	(void)rest;
	if (now - admin->sheets_at >= SHEET_KEPT_MS) {
		admin_published_forget(admin);
		admin->sheets_at = now;
	}
	if (admin->sheets[form] != NULL)
		return admin_page_ref(admin->sheets[form]);
	page = admin_page_new(
		form == SHEET_JSON ? "application/json" : page_types[form], SHEET_MAX_AGE_S);
	if (write_sheet(admin_sheet_make(admin, &wish, arena), form, &page->body) != ERR_OK) {
		log_event(LOG_ERROR_LEVEL, "publish.too_large",
			LOG_TEXT("remedy", "name fewer certificates in publish.certificates"));
		admin_page_free(&page);
		return NULL;
	}
	admin->sheets[form] = admin_page_ref(page);
	return page;
}

void admin_published_forget(struct admin *admin)
{
	for (size_t i = 0; i < ARRAY_LENGTH(admin->sheets); i++)
		admin_page_free(&admin->sheets[i]);
}

struct path {
	struct str path;
	bool is_folder; /* one more segment follows */
	struct admin_page *(*make)(struct admin *admin, struct str rest, int argument);
	int argument;
};

#define SHEET "/.well-known/sealpost-certificates"
static const struct path paths[] = {
	{STR("/.well-known/acme-challenge/"), true, challenge_page, 0},
	{STR(SHEET), false, sheet_page, PAGE_HTML},
	{STR(SHEET ".html"), false, sheet_page, PAGE_HTML},
	{STR(SHEET ".txt"), false, sheet_page, PAGE_TEXT},
	{STR(SHEET ".md"), false, sheet_page, PAGE_MARKDOWN},
	{STR(SHEET ".json"), false, sheet_page, SHEET_JSON},
};

struct admin_page *admin_published(void *context, struct str path, bool *ret_later)
{
	(void)ret_later;
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		struct str start = str_part(path, 0, paths[i].path.n);
		struct str rest = str_part(path, paths[i].path.n, path.n);

		if (str_equal(start, paths[i].path) && (rest.n > 0) == paths[i].is_folder)
			return paths[i].make(context, rest, paths[i].argument);
	}
	return NULL;
}
