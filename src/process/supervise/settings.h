/* Internal to process/supervise: everything that a node file leads to, opened. */
#ifndef SEALPOST_PROCESS_SUPERVISE_SETTINGS_H
#define SEALPOST_PROCESS_SUPERVISE_SETTINGS_H

#include "core/cert/life.h"
#include "core/model/model.h"
#include "port/runtime/table.h"

#include <sys/types.h>

struct supervise_listener {
	const struct model_listener *model;
	int fd;
};

struct supervise_certificate {
	const char *name;
	const char *version; /* NULL: of the node file */
	int state;	     /* enum cert_state */
	struct str chain;    /* PEM */
	const char *key_uri; /* "pkcs11:..."; NULL: */
	int key_fd;	     /* else -1 */
};

struct supervise_settings {
	struct arena *arena;
	const char *node_file; /* absolute; NULL: defaults */
	struct model_node *node;
	struct supervise_listener *listeners;
	size_t listener_count;
	struct str webhook_secret;		    /* empty: none */
	int door_fds[RUNTIME_DOOR_MAX];		    /* -1: closed */
	struct supervise_certificate *certificates; /* one for each pair of a living version */
	size_t certificate_count;
	struct cert_life *lives; /* of those with versions */
	size_t life_count;
	struct str roots;
	int secret_fds[RUNTIME_SECRET_MAX]; /* -1: there is none */
	int64_t number;			    /* counts up with every change sent out */
};

/* Set node, and what stands in its data directory, from node_file (NULL: the defaults of this
 * user), complete: every path absolute, host name, directories and listeners set. */
enum err supervise_node_load(struct supervise_settings *s, struct err_info *info);

/* The user a process runs as.  change is false when we are no root. */
struct supervise_user {
	bool change;
	bool keep;
	uid_t uid;
	gid_t gid;
};
enum err supervise_user_find(const struct model_node *node, enum runtime_role role,
	struct supervise_user *ret, struct err_info *info);

/* Can the user of ROLE pass through to PATH, a directory that exists?  The error names the one that
 * is closed to it. */
enum err supervise_reach(const struct supervise_user *user, enum runtime_role role,
	const char *path, struct err_info *info);

/* Make the directories.  *lock is a descriptor that keeps a second instance out; -1: take it. */
enum err supervise_directories_make(
	const struct model_node *node, int *lock, struct err_info *info);
/* RUN/admin.sock, listening: anybody may connect. */
enum err supervise_socket_open(const struct model_node *node, int *ret_fd, struct err_info *info);
/* RUN/web.sock, listening: only the user of the web process may connect. */
enum err supervise_web_socket_open(
	const struct model_node *node, int *ret_fd, struct err_info *info);
/* Remove both. */
void supervise_sockets_unlink(const struct model_node *node);

/* The address of a door; NULL: it stays closed. */
const char *supervise_door_address(const struct model_node *node, enum runtime_door door);

/* A listening socket for ADDRESS ("[::]:25"). */
enum err supervise_listen(const char *address, int *ret_fd, struct err_info *info);
/* One that the service manager has opened for us, by name or address; -1 when there is none. */
int supervise_listen_inherited(const struct model_listener *listener);

/* Chain and key of a certificate that this node has made for itself, at the paths returned; made
 * anew when missing, of another name, or about to end. */
enum err supervise_self_signed(const struct model_node *node, int64_t now_ms, struct arena *arena,
	struct model_certificate *ret, struct err_info *info);

/* Set lives from what stands below DATA/certificates, and add it to the node's certificates. */
enum err supervise_imported_add(struct supervise_settings *s, struct err_info *info);

/* Open chain and key of every certificate of the node, and of every living version of those with a
 * life; without any, of one that is made here. */
enum err supervise_certificates_open(struct supervise_settings *s, struct err_info *info);

/* Open the secrets that the node names, or that the service manager has as credentials. */
enum err supervise_secrets_open(struct supervise_settings *s, struct err_info *info);
void supervise_secrets_close(struct supervise_settings *s);

/* Read a whole file of at most MAX bytes. */
enum err supervise_file_read(
	const char *path, size_t max, struct arena *arena, struct str *ret, struct err_info *info);

/* Load and open everything.  Listeners with an address that PREVIOUS (may be NULL) has too share
 * its socket; nothing of PREVIOUS changes.  LOCK as in supervise_directories_make(). */
enum err supervise_settings_load(const char *node_file, const struct supervise_settings *previous,
	int *lock, struct supervise_settings **ret, struct err_info *info);
void supervise_settings_free(struct supervise_settings **settings);

#endif
