/*
 * Inside process/admin: links that are good once, by which a password is set.
 *
 * While there is no user and admin.listen is set, the log tells of one for the first user; who
 * manages the installation makes others: for the first start again, or for a user who has forgotten
 * the password.  They end after a day, or with the process.  The token stands behind "#", which
 * browsers keep to themselves.
 */
#ifndef SEALPOST_PROCESS_ADMIN_SETUP_H
#define SEALPOST_PROCESS_ADMIN_SETUP_H

#include "process/admin/call.h"

enum { ADMIN_LINKS_MAX = 100, ADMIN_LINK_MS = 24 * 60 * 60 * 1000 };

struct admin_links;
struct admin_links *admin_links_new(void) MUST_USE;
void admin_links_free(struct admin_links **links);
/* USER is no more: who comes by that name later is somebody else. */
void admin_links_drop(struct admin_links *links, const char *user);

/* Settings or the spool are new: tell the log of a link if there is no user yet. */
void admin_first_start(struct admin *admin);
/* "https://HOST:PORT" of the admin center; NULL: admin.listen is not set. */
const char *admin_center_url(const struct model_node *node, struct arena *arena);

void admin_set_up(struct admin_call *call), admin_check_setup(struct admin_call *call);
void admin_make_setup_link(struct admin_call *call), admin_make_user_link(struct admin_call *call);

#endif
