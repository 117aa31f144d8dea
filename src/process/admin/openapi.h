/*
 * Inside process/admin: what the rows of routes say of themselves, as schemas, as the OpenAPI
 * document (3.1), and as the check of what comes.
 */
#ifndef SEALPOST_PROCESS_ADMIN_OPENAPI_H
#define SEALPOST_PROCESS_ADMIN_OPENAPI_H

#include "process/admin/routes.h"

/* A record that descriptions may name: "connector", "connector-input", ... */
struct admin_record {
	const char *name;
	const struct record_desc *desc;
};
extern const struct admin_record admin_records[];
extern const size_t admin_record_count;

/* Schemas by name, made when they are asked for. */
struct admin_schemas {
	json_t *made;	    /* name -> schema */
	bool skips_records; /* they fit everything: who reads them checks them */
	struct err_info info;
};
/* For shape_schema() and shape_check(); CONTEXT is a struct admin_schemas. */
const json_t *admin_schemas_find(void *context, const char *name);
/* The schema of a row's text; NULL: INFO says what is wrong with it.  New reference. */
json_t *admin_schemas_make(struct admin_schemas *schemas, const char *shape);

/* The whole document; new reference.  NULL when a description is wrong: INFO tells which. */
json_t *admin_openapi(const char *version, struct err_info *info);

/* Do query and body fit what the route's row says?  False: answered, with 400 for the query and for
 * what is no object, 422 for the rest of the body. */
bool admin_fits(struct admin_call *call);

#endif
