/*
 * What Exchange Online's connectors and accepted domains amount to here.  Read is what PowerShell
 * prints: Get-InboundConnector | ConvertTo-Json, Get-OutboundConnector, Get-AcceptedDomain.
 *
 * Nothing is dropped without a word: every property of every object gets a fate.  What would
 * protect less than before is never put in force: the connector is proposed disabled, and a
 * question says what is to be decided.
 */
#ifndef SEALPOST_CORE_EXCHANGE_EXCHANGE_H
#define SEALPOST_CORE_EXCHANGE_EXCHANGE_H

#include "core/model/model.h"

enum {
	EXCHANGE_MAX_TEXT = 4 * 1024 * 1024, /* bytes of one source */
	EXCHANGE_MAX_OBJECTS = 2000,
	EXCHANGE_MAX_PROPERTIES = 500, /* of one object */
};

enum exchange_kind { EXCHANGE_INBOUND, EXCHANGE_OUTBOUND, EXCHANGE_DOMAIN, EXCHANGE_KIND_MAX };
extern const char *const exchange_kind_names[]; /* "inbound connector", ... */

enum exchange_fate {
	EXCHANGE_TAKEN,	      /* it is in the proposal */
	EXCHANGE_MERGED,      /* it is, together with something else */
	EXCHANGE_NOT_NEEDED,  /* says nothing about mail, or is not set, or had no effect */
	EXCHANGE_UNSUPPORTED, /* there is no such thing here */
	EXCHANGE_DECISION,    /* somebody must decide */
	EXCHANGE_FATE_MAX,
};
extern const char *const exchange_fate_names[];

struct exchange_item {
	const char *property;
	const char *value; /* as text, shortened */
	enum exchange_fate fate;
	const char *as;	  /* "outbound.tls: name"; NULL */
	const char *note; /* NULL */
};

struct exchange_object {
	enum exchange_kind kind;
	const char *name;
	const char *became; /* "connector contoso/fabrikam", "domain contoso.com"; NULL: nothing */
	struct exchange_item *items;
	size_t item_count;
};

struct exchange_source {
	const char *name; /* of the file, for messages */
	struct str text;  /* UTF-8 or UTF-16 with a byte order mark, as PowerShell writes it */
};

struct exchange_import {
	struct model_config config; /* passes model_check() */
	struct exchange_object *objects;
	size_t object_count;
	struct record_texts questions; /* what must be decided or added */
};

/* ORGANISATION: whose it is to be; NULL: named after the default domain.  Everything lives in the
 * arena.  INFO names source and place of what cannot be read. */
enum err exchange_import(const struct exchange_source *sources, size_t count,
	const char *organisation, struct arena *arena, struct exchange_import *ret,
	struct err_info *info);
/* {objects, questions, configuration}; new reference. */
json_t *exchange_import_json(const struct exchange_import *import);

#endif
