/* Inside process/admin: the files of the admin center, which the build makes of ui/. */
#ifndef SEALPOST_PROCESS_ADMIN_ASSETS_H
#define SEALPOST_PROCESS_ADMIN_ASSETS_H

#include "base/str.h"

struct admin_asset {
	const char *path; /* "/", "/assets/main-5f3a.js" */
	const char *type; /* of the content */
	const char *etag; /* with its quotes */
	struct str bytes;
	bool is_gzip;	   /* the bytes are compressed (RFC 9110 8.4.1.3) */
	bool is_immutable; /* its name changes with its content */
};
extern const struct admin_asset admin_assets[];
/* 0: built without. */
extern const size_t admin_asset_count;

#endif
