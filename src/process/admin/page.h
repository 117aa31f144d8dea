/*
 * Inside process/admin: listings come in pages.
 *
 * A row of the table of routes with .pages takes "limit" and "cursor" (ADMIN_PAGE in its query) and
 * answers {items, next}: "next" is the cursor of the page that follows, null on the last one.
 * Handlers and the spool know plain cursors, each its own ("contoso/fabrikam", an id).  Outside
 * they have eight digits before them, of a hash over the route and the rest, so that whatever is no
 * cursor of this listing is told as that (400, field "cursor").  A cursor is a place, no proof:
 * who asks is looked at as for the first page.
 *
 * Handlers of short listings answer all items; .page_key says which members tell one from another
 * ("name", "kind name"), and the page is cut out of the answer.  Such a page begins behind the item
 * that the cursor names: 409 if it is not there any more.  With .page_sorted it is the place in the
 * alphabet that counts, and nothing can be missing.
 */
#ifndef SEALPOST_PROCESS_ADMIN_PAGE_H
#define SEALPOST_PROCESS_ADMIN_PAGE_H

#include "process/admin/call.h"

enum { ADMIN_PAGE_LIMIT = 100 /* if nothing is said */, ADMIN_PAGE_MAX = 1000 };

/* Note the cursor of the query.  False: it is none of this listing, answered. */
bool admin_page_take(struct admin_call *call);
/* Plain; NULL: from the beginning. */
const char *admin_page_cursor(const struct admin_call *call);
size_t admin_page_limit(const struct admin_call *call);
/* Both into a question for the spool: "limit", and "cursor" if there is one. */
void admin_page_ask(const struct admin_call *call, json_t *arguments);

/* Make a page of an answer: cut it (.page_key), and give "next" its outer form.  *ANSWER is
 * replaced by another reference.  False: answered. */
bool admin_page_turn(struct admin_call *call, json_t **answer);

/* Where the page begins in a list that keeps its order: behind the item that the cursor names.
 * False: answered. */
typedef const char *admin_page_key(struct admin_call *call, const void *list, size_t i);
bool admin_page_begin(struct admin_call *call, const void *list, size_t count, admin_page_key *key,
	size_t *ret_from);
/* Ends the call: the item that the cursor names is not there any more. */
void admin_page_gone(struct admin_call *call);
/* The plain cursor of item I, for the page behind it; in the arena. */
const char *admin_page_behind(struct admin_call *call, size_t i, const char *key);

#endif
