/*
 * The files of the admin center.  They stand in the program, compressed; a client that says that it
 * does not take gzip gets none (RFC 9110 12.5.3: who says nothing takes all).
 */
#include "process/admin/assets.h"

#include "process/admin/call.h"
#include "process/admin/headers.h"

#include <string.h>

static const struct admin_asset *find_asset(const char *path)
{
	for (size_t i = 0; i < admin_asset_count; i++)
		if (strcmp(admin_assets[i].path, path) == 0)
			return &admin_assets[i];
	return NULL;
}

void admin_get_asset(struct admin_call *call)
{
	const struct evkeyvalq *headers = evhttp_request_get_input_headers(call->request);
	const char *known = evhttp_find_header(headers, "If-None-Match");
	bool is_page = call->segment_count == 0;
	const struct admin_asset *asset = find_asset(
		is_page ? "/" : arena_format(call->arena, "/assets/%s", call->segments[0]));

	if (asset == NULL && is_page)
		admin_reply_text(call, "text/plain; charset=utf-8",
			str_of("This Sealpost was built without the admin center; its API is "
			       "below /v1.\n"));
	else if (asset == NULL)
		admin_problem(call, 404, "the admin center has no such file");
	else if (asset->is_gzip &&
		 !admin_headers_gzip(evhttp_find_header(headers, "Accept-Encoding")))
		admin_problem(call, 406, "this file is there in gzip only; accept it");
	else
		admin_reply_asset(call, asset, known != NULL && strstr(known, asset->etag) != NULL);
}
