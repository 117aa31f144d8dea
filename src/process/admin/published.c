/* What everybody may fetch: the table of paths. */
#include "process/admin/call.h"
#include "process/admin/challenge.h"
#include "process/admin/publish.h"

/* RFC 8555 8.3: the key authorization as it is, nothing behind it. */
static struct admin_page *challenge_page(struct admin *admin, struct str token)
{
	const char *answer = admin_challenge_find(admin->challenges, token);
	struct admin_page *page;

	if (answer == NULL)
		return NULL;
	page = admin_page_new("application/octet-stream", 0);
	buf_put_text(&page->body, answer);
	return page;
}

struct path {
	struct str path;
	bool is_folder; /* one more segment follows */
	struct admin_page *(*make)(struct admin *admin, struct str rest);
};

static const struct path paths[] = {
	{STR("/.well-known/acme-challenge/"), true, challenge_page},
};

struct admin_page *admin_published(void *context, struct str path)
{
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		struct str start = str_part(path, 0, paths[i].path.n);
		struct str rest = str_part(path, paths[i].path.n, path.n);

		if (str_equal(start, paths[i].path) && (rest.n > 0) == paths[i].is_folder)
			return paths[i].make(context, rest);
	}
	return NULL;
}
